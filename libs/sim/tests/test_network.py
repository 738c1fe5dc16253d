"""The network: what is refused has no effect, what is lost has one, and nobody can tell them apart."""

import asyncio

import pytest

from flyball.sim.keeper import MemoryMap
from flyball.sim.process import CALM, Faults
from flyball.sim.world import World
from flyball.store.errors import Transient

QUIET = {"slow": 0, "refused": 0, "lost": 0, "kill": 0, "stop": 0, "pause": 0, "outage": 0}


@pytest.mark.parametrize(("fault", "values"), [("refused", {}), ("lost", {"written": True})])
def test_an_operation_that_fails_may_have_had_its_effect(fault: str, values: dict[str, bool]) -> None:
    world = World(1, Faults(**QUIET | {fault: 1.0}))
    redis = MemoryMap(world)
    failures: list[str] = []

    async def main() -> None:
        try:
            await redis.run("write", lambda kept: kept.update(written=True))
        except Transient as error:
            failures.append(str(error))

    async def scenario() -> None:
        process = world.process("writer", main)
        await world.until(lambda: process.ended, 10, "the writer ends")

    world.run(scenario())
    assert len(failures) == 1
    assert redis.values == values


def test_the_last_words_of_a_dead_process_are_heard_or_not() -> None:
    heard = set()
    for seed in range(40):
        world = World(seed, Faults(**QUIET | {"kill": 1.0}))
        redis = MemoryMap(world)

        async def main(redis: MemoryMap = redis) -> None:
            await redis.run("write", lambda kept: kept.update(written=True))

        async def scenario(world: World = world, main=main) -> None:
            process = world.process("victim", main)
            await asyncio.sleep(0.05)
            process.ended = True

        world.run(scenario())
        heard.add(redis.values.get("written", False))
    assert heard == {True, False}


def test_a_server_that_is_away_answers_nobody_and_comes_back_with_everything() -> None:
    world = World(1, CALM)
    redis = MemoryMap(world)

    async def scenario() -> None:
        await redis.run("write", lambda kept: kept.update(written=True))
        redis.crash(5)
        with pytest.raises(Transient, match="away"):
            await redis.run("read", dict)
        await asyncio.sleep(5)
        assert await redis.run("read", dict) == {"written": True}

    world.run(scenario())


def test_scripts_are_atomic() -> None:
    world = World(1, CALM)
    redis = MemoryMap(world)

    def count(kept: dict[str, int]) -> int:
        kept["count"] = kept.get("count", 0) + 1
        return kept["count"]

    async def scenario() -> None:
        answers = await asyncio.gather(*(redis.run("count", count) for _ in range(50)))
        assert sorted(answers) == list(range(1, 51))

    world.run(scenario())


def test_a_bug_of_the_simulation_itself_ends_the_run() -> None:
    world = World(1, CALM)

    async def scenario() -> None:
        world.process("bystander", lambda: asyncio.sleep(1_000))
        world.outside(1, lambda: 1 // 0)
        await asyncio.sleep(10)

    with pytest.raises(ZeroDivisionError):
        world.run(scenario())
