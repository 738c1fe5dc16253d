"""What the simulation's database adds to the store's contract: tables for services, and commits nobody hears of."""

import asyncio

import pytest

from flyball.sim.database import MemoryDatabase
from flyball.sim.process import CALM, Faults
from flyball.sim.session import AbortedError
from flyball.sim.transaction import AlreadyThereError
from flyball.sim.world import World
from flyball.store.errors import Transient


def test_tables_keep_rows_by_key_and_show_them_in_order() -> None:
    world = World(1, CALM)
    database = MemoryDatabase(world, "database")

    async def scenario() -> None:
        async with database.transaction() as transaction:
            await transaction.add("names", 2, "two")
            await transaction.put("names", 1, "one")
            await transaction.change("names", 2, lambda name: name + "!")
            assert await transaction.get("names", 3) is None
            assert await transaction.scan("names") == [(1, "one"), (2, "two!")]
        assert database.rows("names") == {2: "two!", 1: "one"}

    world.run(scenario())


def test_a_row_that_exists_is_not_added_and_the_transaction_is_lost() -> None:
    world = World(1, CALM)
    database = MemoryDatabase(world, "database")

    async def add_twice() -> None:
        async with database.transaction() as transaction:
            await transaction.put("names", 1, "one")
            with pytest.raises(AlreadyThereError):
                await transaction.add("names", 1, "another")

    async def scenario() -> None:
        with pytest.raises(AbortedError):
            await add_twice()
        assert database.rows("names") == {}

    world.run(scenario())


def test_read_then_write_loses_updates_unless_the_row_is_locked() -> None:
    async def count(database: MemoryDatabase, *, lock: bool) -> None:
        async with database.transaction() as transaction:
            known = await transaction.get("counts", "all", lock=lock)
            await transaction.put("counts", "all", known + 1)

    def counted(*, lock: bool) -> int:
        world = World(5, CALM)
        database = MemoryDatabase(world, "database")
        database.rows("counts")["all"] = 0

        async def scenario() -> None:
            await asyncio.gather(*(count(database, lock=lock) for _ in range(20)))

        world.run(scenario())
        return int(database.rows("counts")["all"])

    assert counted(lock=True) == 20
    assert counted(lock=False) < 20


def test_a_commit_is_all_or_nothing_and_its_outcome_may_stay_unknown() -> None:
    outcomes = set()
    for seed in range(200):
        world = World(seed, Faults(refused=0.1, lost=0.1, kill=0.2))
        database = MemoryDatabase(world, "database")
        heard: list[str] = []

        async def main(database=database, heard=heard) -> None:
            try:
                async with database.transaction() as transaction:
                    await transaction.put("a", 1, "written")
                    await transaction.put("b", 1, "written")
                heard.append("committed")
            except Transient:
                heard.append("failed")

        async def scenario(world=world, main=main, database=database) -> None:
            process = world.process("service", main)
            await asyncio.sleep(0.04)
            process.ended = True
            await asyncio.sleep(20)
            assert not database.locks.held, "an ended transaction holds locks"

        world.run(scenario())
        assert database.rows("a") == database.rows("b")
        outcomes.add((heard[0] if heard else "died", bool(database.rows("a"))))
    assert outcomes == {("committed", True), ("failed", True), ("failed", False), ("died", True), ("died", False)}


def test_a_crash_of_the_server_ends_every_open_transaction() -> None:
    world = World(1, CALM)
    database = MemoryDatabase(world, "database")

    async def write() -> None:
        async with database.transaction() as transaction:
            await transaction.put("a", 1, "written")
            database.crash(1)
            await asyncio.sleep(2)
            await transaction.put("a", 2, "written")

    async def scenario() -> None:
        with pytest.raises(Transient):
            await write()
        assert database.rows("a") == {}

    world.run(scenario())
