"""Replays in Postgres, for as long as a rejected record can be read from its topic."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from console.ports import Replayed
from flyball.store.postgres import PostgresTransaction

KEPT = timedelta(days=30)
COLUMNS = "system, source, event_id, changed, actor, replayed_at"
INSERT = f"""
INSERT INTO replays (rejected, tenant, {COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (rejected) DO NOTHING RETURNING rejected
"""


@dataclass(frozen=True, slots=True)
class PostgresReplays:
    transaction: PostgresTransaction

    async def of(self, rejected: UUID) -> Replayed | None:
        row = await self.transaction.connection.fetchrow(f"SELECT {COLUMNS} FROM replays WHERE rejected = $1", rejected)
        return Replayed(**row) if row is not None else None

    async def add(self, rejected: UUID, tenant: str, done: Replayed) -> Replayed | None:
        connection = self.transaction.connection
        await connection.execute("DELETE FROM replays WHERE replayed_at < $1", done.replayed_at - KEPT)
        # What reads as text may hold a NUL, which Postgres's text cannot.
        source, event_id = done.source.replace("\0", "\ufffd"), done.event_id.replace("\0", "\ufffd")
        values = (rejected, tenant, done.system, source, event_id, done.changed, done.actor, done.replayed_at)
        if await connection.fetchval(INSERT, *values) is not None:
            return None
        return await self.of(rejected)
