"""What the delivery code and the services' memory adapters do inside a transaction."""

from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from flyball.sim.session import DELETED, Session
from flyball.store.ports import Move, OutboxRow, Outgoing

Result = TypeVar("Result")
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

    async def statement(self, what: str, effect: Callable[[Session], Awaitable[Result]]) -> Result:
        """One round trip that may touch many rows, as one SQL statement does."""
        result: Result = await self._session.run(what, lambda: effect(self._session))
        return result

    async def advance(self, consumer: str, topic: str, moves: Sequence[Move]) -> set[int]:
        async def effect(session: Session) -> set[int]:
            ordered = sorted(moves, key=lambda move: move.partition)
            return {move.partition for move in ordered if await _moved(session, (consumer, topic), move)}

        steps = ", ".join(f"[{move.partition}] {move.from_offset}->{move.next_offset}" for move in moves)
        return await self.statement(f"advance {topic} {steps}", effect)

    async def enqueue(self, messages: Sequence[Outgoing]) -> None:
        async def effect(session: Session) -> None:
            created_at = session.database.world.loop.time()
            for message in messages:
                session.write(OUTBOX, session.database.next_outbox_id(), OutboxEntry(message, created_at))

        await self.statement(f"enqueue {len(messages)}", effect)

    async def unseen(self, consumer: str, ids: Sequence[UUID], recorded_at: datetime) -> set[UUID]:
        async def effect(session: Session) -> set[UUID]:
            fresh: set[UUID] = set()
            for identity in sorted(set(ids)):
                if await _absent(session, SEEN, (consumer, identity)):
                    session.write(SEEN, (consumer, identity), recorded_at)
                    fresh.add(identity)
            return fresh

        return await self.statement(f"unseen {len(ids)}", effect)

    async def claim_outbox(self, rows_max: int) -> Sequence[OutboxRow] | None:
        async def effect(session: Session) -> Sequence[OutboxRow] | None:
            if not session.database.locks.try_acquire(session, OUTBOX):
                return None
            return [OutboxRow(number, entry.message) for number, entry in session.database.outbox(rows_max)]

        return await self.statement("claim outbox", effect)

    async def forget_outbox(self, rows: Sequence[OutboxRow]) -> None:
        async def effect(session: Session) -> None:
            for row in rows:
                session.write(OUTBOX, row.id, DELETED)

        await self.statement(f"forget {len(rows)} outbox rows", effect)

    async def get(self, table: str, key: Hashable, *, lock: bool = False) -> Any:
        """A row's value or None; with ``lock`` as SELECT FOR UPDATE, which locks only rows that there are."""

        async def effect(session: Session) -> Any:
            if lock and session.read(table, key) is not None:
                await session.lock(table, key)
            return session.read(table, key)

        return await self.statement(f"get {table} {key}", effect)

    async def scan(self, table: str) -> Sequence[tuple[Any, Any]]:
        """All rows in the order of their keys."""

        async def effect(session: Session) -> Sequence[tuple[Any, Any]]:
            return sorted(session.table(table).items(), key=lambda row: row[0])

        return await self.statement(f"scan {table}", effect)

    async def put(self, table: str, key: Hashable, value: Any) -> None:
        """Insert a row or replace it, as INSERT ON CONFLICT DO UPDATE."""
        await self.change(table, key, lambda _: value)

    async def change(self, table: str, key: Hashable, change: Callable[[Any], Any]) -> None:
        """Replace a row by ``change`` of what it is, None if it is not there: one statement, as ``SET n = n + 1``."""

        async def effect(session: Session) -> None:
            await session.lock(table, key)
            session.write(table, key, change(session.read(table, key)))

        await self.statement(f"put {table} {key}", effect)

    async def add(self, table: str, key: Hashable, value: Any) -> None:
        """Insert a row. Raises ``AlreadyThereError`` if the key exists."""

        async def effect(session: Session) -> None:
            await insert(session, table, key, value)

        await self.statement(f"add {table} {key}", effect)


async def insert(session: Session, table: str, key: Hashable, value: Any) -> None:
    """Part of a statement. Raises ``AlreadyThereError`` if the key exists."""
    if not await _absent(session, table, key):
        raise AlreadyThereError(f"{table} has a row {key!r} already")
    session.write(table, key, value)


async def insert_new(session: Session, table: str, key: Hashable, value: Any) -> bool:
    """Part of a statement: INSERT ON CONFLICT DO NOTHING. False if the key exists."""
    absent = await _absent(session, table, key)
    if absent:
        session.write(table, key, value)
    return absent


async def _moved(session: Session, reader: tuple[str, str], move: Move) -> bool:
    key = (*reader, move.partition)
    if move.from_offset == 0 and await _absent(session, POSITIONS, key):
        session.write(POSITIONS, key, 0)
    # As Postgres: a row that does not match is not waited for; one that does is looked at again once locked.
    if session.read(POSITIONS, key) != move.from_offset:
        return False
    await session.lock(POSITIONS, key)
    if session.read(POSITIONS, key) != move.from_offset:
        return False
    session.write(POSITIONS, key, move.next_offset)
    return True


async def _absent(session: Session, table: str, key: Hashable) -> bool:
    """Whether there is no such row; holds its place, after waiting for whoever is about to fill it."""
    if session.read(table, key) is None:
        await session.lock(table, key)
    return session.read(table, key) is None
