"""A database in memory with Postgres's promises: all or nothing, READ COMMITTED, row locks, and no more."""

from collections.abc import AsyncIterator, Hashable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

from flyball.sim.locks import Locks
from flyball.sim.network import Server
from flyball.sim.session import Session
from flyball.sim.transaction import OUTBOX, POSITIONS, SEEN, MemoryTransaction, OutboxEntry
from flyball.sim.world import World

Rows = dict[Any, Any]


class MemoryDatabase(Server):
    """One service's schema. Every operation is a round trip on which anything may go wrong."""

    def __init__(
        self,
        world: World,
        name: str,
        *,
        transaction_type: type[MemoryTransaction] = MemoryTransaction,
        idle_seconds_max: float = 5.0,
    ) -> None:
        super().__init__(world, name)
        self.locks = Locks()
        self.idle_seconds_max = idle_seconds_max
        """A transaction that sits idle for longer is ended, as ``idle_in_transaction_session_timeout`` does."""
        self._transaction_type = transaction_type
        self._tables: dict[str, Rows] = {}
        self._open: dict[Session, None] = {}
        self._last_outbox_id = 0
        self._last_session = 0

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[MemoryTransaction]:
        session = Session(self)
        transaction = self._transaction_type(session)
        try:
            yield transaction
            await session.commit()
        except BaseException:
            await session.roll_back()
            raise

    async def positions(self, consumer: str, topic: str) -> Mapping[int, int]:
        def effect() -> Mapping[int, int]:
            return {
                partition: offset
                for (owner, name, partition), offset in self.rows(POSITIONS).items()
                if (owner, name) == (consumer, topic)
            }

        positions: Mapping[int, int] = await self.call(f"positions of {topic}", effect)
        return positions

    async def outbox_age_seconds(self) -> float:
        def effect() -> float:
            oldest = min((entry.created_at for entry in self.rows(OUTBOX).values()), default=self.world.loop.time())
            return self.world.loop.time() - oldest

        age_seconds: float = await self.call("outbox age", effect)
        return age_seconds

    async def forget_seen(self, days: int) -> None:
        def effect() -> None:
            seen: dict[Any, datetime] = self.rows(SEEN)
            if seen:
                oldest = max(seen.values()) - timedelta(days=days)
                self._tables[SEEN] = {key: at for key, at in seen.items() if at >= oldest}

        await self.call("forget seen", effect)

    def rows(self, table: str) -> Rows:
        """What is committed, for servers' side code and for those who judge a run. Not for services."""
        return self._tables.setdefault(table, {})

    def on_crash(self) -> None:
        for session in list(self._open):
            session.end("the server went away")

    def opened(self, session: Session) -> int:
        """A new session; returns its number."""
        self._open[session] = None
        self._last_session += 1
        return self._last_session

    def closed(self, session: Session) -> None:
        self._open.pop(session, None)
        self.locks.release(session)

    def next_outbox_id(self) -> int:
        """Given out at once and never taken back, as a sequence does."""
        self._last_outbox_id += 1
        return self._last_outbox_id

    def apply(self, writes: Mapping[tuple[str, Hashable], Any], deleted: object) -> None:
        """Make a transaction's writes visible, all at once."""
        for (table, key), value in writes.items():
            rows = self.rows(table)
            if value is deleted:
                rows.pop(key, None)
            else:
                rows[key] = value

    def outbox(self, rows_max: int) -> Sequence[tuple[int, OutboxEntry]]:
        """The oldest committed rows."""
        rows: dict[Any, OutboxEntry] = self.rows(OUTBOX)
        return [(number, rows[number]) for number in sorted(rows)[:rows_max]]
