"""Databases that tell when a transaction was committed. What must follow a commit, and may be lost, hangs on that."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from flyball.store.postgres import PostgresDatabase, PostgresTransaction


class AnnouncingTransaction(PostgresTransaction):
    def __init__(self, inner: PostgresTransaction) -> None:
        super().__init__(inner.connection)
        self.calls: list[Callable[[], None]] = []

    def after_commit(self, call: Callable[[], None]) -> None:
        """Call it when this transaction holds; never, if it is rolled back or the process dies first."""
        self.calls.append(call)


@dataclass(frozen=True, slots=True)
class AnnouncingDatabase:
    inner: PostgresDatabase

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AnnouncingTransaction]:
        async with self.inner.transaction() as plain:
            announcing = AnnouncingTransaction(plain)
            yield announcing
        for call in announcing.calls:
            call()

    async def positions(self, consumer: str, topic: str) -> Mapping[int, int]:
        return await self.inner.positions(consumer, topic)

    async def outbox_age_seconds(self) -> float:
        return await self.inner.outbox_age_seconds()

    async def forget_seen(self, days: int) -> None:
        await self.inner.forget_seen(days)


@dataclass(frozen=True, slots=True)
class WakingDatabase:
    """Wakes the relay after each commit, so that a kill does not wait until it looks by itself."""

    inner: PostgresDatabase
    wake: Callable[[], None]

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[PostgresTransaction]:
        async with self.inner.transaction() as transaction:
            yield transaction
        self.wake()

    async def positions(self, consumer: str, topic: str) -> Mapping[int, int]:
        return await self.inner.positions(consumer, topic)

    async def outbox_age_seconds(self) -> float:
        return await self.inner.outbox_age_seconds()

    async def forget_seen(self, days: int) -> None:
        await self.inner.forget_seen(days)
