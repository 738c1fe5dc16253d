"""What the delivery code and the services' memory adapters do inside a transaction."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from flyball.sim.session import DELETED, Session
from flyball.store.ports import OutboxRow, Outgoing

POSITIONS, SEEN, OUTBOX = "positions", "seen", "outbox"


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    message: Outgoing
    created_at: float


class AlreadyThereError(Exception):
    """A row with this key exists: a unique constraint is violated, which is a bug of the service."""


class MemoryTransaction:
    """Implements ``flyball.store.ports.Transaction``, and small tables for the state of services.

    Keys must be hashable and of one type for each table, values immutable: what was read must not change.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    async def advance(self, consumer: str, topic: str, partition: int, from_offset: int, next_offset: int) -> bool:
        key = (consumer, topic, partition)
        session = self._session

        async def effect() -> bool:
            if from_offset == 0 and session.read(POSITIONS, key) is None:
                await session.lock(POSITIONS, key)
                if session.read(POSITIONS, key) is None:
                    session.write(POSITIONS, key, 0)
            # As Postgres: a row that does not match is not waited for; one that does is looked at again once locked.
            if session.read(POSITIONS, key) != from_offset:
                return False
            await session.lock(POSITIONS, key)
            if session.read(POSITIONS, key) != from_offset:
                return False
            session.write(POSITIONS, key, next_offset)
            return True

        moved: bool = await session.run(f"advance {topic}[{partition}] {from_offset}->{next_offset}", effect)
        return moved

    async def enqueue(self, messages: Sequence[Outgoing]) -> None:
        async def effect() -> None:
            database = self._session.database
            for message in messages:
                entry = OutboxEntry(message, database.world.loop.time())
                self._session.write(OUTBOX, database.next_outbox_id(), entry)

        await self._session.run(f"enqueue {len(messages)}", effect)

    async def unseen(self, consumer: str, ids: Sequence[UUID], recorded_at: datetime) -> set[UUID]:
        async def effect() -> set[UUID]:
            fresh: set[UUID] = set()
            for identity in sorted(set(ids)):
                if await self._absent(SEEN, (consumer, identity)):
                    self._session.write(SEEN, (consumer, identity), recorded_at)
                    fresh.add(identity)
            return fresh

        fresh: set[UUID] = await self._session.run(f"unseen {len(ids)}", effect)
        return fresh

    async def claim_outbox(self, rows_max: int) -> Sequence[OutboxRow] | None:
        async def effect() -> Sequence[OutboxRow] | None:
            if not self._session.database.locks.try_acquire(self._session, OUTBOX):
                return None
            return [OutboxRow(number, entry.message) for number, entry in self._session.database.outbox(rows_max)]

        rows: Sequence[OutboxRow] | None = await self._session.run("claim outbox", effect)
        return rows

    async def forget_outbox(self, rows: Sequence[OutboxRow]) -> None:
        async def effect() -> None:
            for row in rows:
                self._session.write(OUTBOX, row.id, DELETED)

        await self._session.run(f"forget {len(rows)} outbox rows", effect)

    async def get(self, table: str, key: Hashable, *, lock: bool = False) -> Any:
        """A row's value or None; with ``lock`` as SELECT FOR UPDATE, which locks only rows that there are."""

        async def effect() -> Any:
            if lock and self._session.read(table, key) is not None:
                await self._session.lock(table, key)
            return self._session.read(table, key)

        return await self._session.run(f"get {table} {key}", effect)

    async def scan(self, table: str) -> Sequence[tuple[Any, Any]]:
        """All rows in the order of their keys."""

        async def effect() -> Sequence[tuple[Any, Any]]:
            return sorted(self._session.written(table).items(), key=lambda row: row[0])

        rows: Sequence[tuple[Any, Any]] = await self._session.run(f"scan {table}", effect)
        return rows

    async def put(self, table: str, key: Hashable, value: Any) -> None:
        """Insert a row or replace it, as INSERT ON CONFLICT DO UPDATE."""

        async def effect() -> None:
            await self._session.lock(table, key)
            self._session.write(table, key, value)

        await self._session.run(f"put {table} {key}", effect)

    async def change(self, table: str, key: Hashable, change: Callable[[Any], Any]) -> None:
        """Replace a row by ``change`` of what it is, None if it is not there: one statement, as ``SET n = n + 1``."""

        async def effect() -> None:
            await self._session.lock(table, key)
            self._session.write(table, key, change(self._session.read(table, key)))

        await self._session.run(f"change {table} {key}", effect)

    async def add(self, table: str, key: Hashable, value: Any) -> None:
        """Insert a row. Raises ``AlreadyThereError`` if the key exists."""

        async def effect() -> None:
            if not await self._absent(table, key):
                raise AlreadyThereError(f"{table} has a row {key!r} already")
            self._session.write(table, key, value)

        await self._session.run(f"add {table} {key}", effect)

    async def _absent(self, table: str, key: Hashable) -> bool:
        """Whether there is no such row; holds its place, after waiting for whoever is about to fill it."""
        if self._session.read(table, key) is None:
            await self._session.lock(table, key)
        return self._session.read(table, key) is None
