"""How one behaviour suite is run on the simulation's database and on Postgres."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from flyball.sim.database import MemoryDatabase
from flyball.sim.world import World
from flyball.store.ports import Database, Move, Outgoing
from flyball.store.postgres import open_postgres
from flyball.store.settings import StoreSettings

IDLE_SECONDS = 5
NOW = datetime(2026, 1, 1, tzinfo=UTC)
WAITING_SECONDS = 0.3
"""Long enough to tell who waits from who does not."""
Case = Callable[[Database[Any]], Coroutine[Any, Any, None]]
Play = Callable[[Case], None]


class ChangedMindError(Exception):
    """Leaves a transaction without a commit."""


def on_memory(case: Case) -> None:
    world = World(seed=1)
    world.run(case(MemoryDatabase(world, "database", idle_seconds_max=IDLE_SECONDS)))


async def on_postgres(dsn: str, case: Case) -> None:
    settings = {"FLYBALL_POSTGRES": dsn, "FLYBALL_POSTGRES_IDLE_TRANSACTION_SECONDS_MAX": str(IDLE_SECONDS)}
    async with open_postgres(StoreSettings.from_environment(settings), f"contract_{uuid4().hex[:12]}", []) as database:
        await case(database)


def message(text: str) -> Outgoing:
    return Outgoing("facts.v1", b"key\x00\xff", (("ce_id", text.encode()), ("odd", b"\xff\x00")), text.encode())


@asynccontextmanager
async def rolled_back(database: Database[Any]) -> AsyncIterator[Any]:
    """A transaction that an error ends."""
    with suppress(ChangedMindError):
        async with database.transaction() as transaction:
            yield transaction
            raise ChangedMindError


async def advanced(database: Database[Any], start: int, end: int, partition: int = 0) -> bool:
    async with database.transaction() as transaction:
        return await moved(transaction, start, end, partition)


async def moved(transaction: Any, start: int, end: int, partition: int = 0) -> bool:
    return {partition} == await transaction.advance("reader", "numbers.v1", [Move(partition, start, end)])


async def waiting(database: Database[Any], effect: Callable[[Any], Coroutine[Any, Any, Any]]) -> "asyncio.Task[Any]":
    """Start a transaction of its own that does ``effect``, and see that it has to wait."""

    async def work() -> Any:
        async with database.transaction() as transaction:
            return await effect(transaction)

    task = asyncio.ensure_future(work())
    done, _ = await asyncio.wait([task], timeout=WAITING_SECONDS)
    assert not done, "it did not wait"
    return task


async def outbox(database: Database[Any], rows_max: int = 100) -> list[str]:
    async with database.transaction() as transaction:
        rows = await transaction.claim_outbox(rows_max)
        assert rows is not None
        return [row.message.body.decode() for row in rows]
