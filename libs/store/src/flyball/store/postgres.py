"""The store on PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from importlib.resources.abc import Traversable
from typing import Any
from uuid import UUID

import asyncpg

from flyball.store.errors import Transient
from flyball.store.migrate import DELIVERY, migrate
from flyball.store.ports import Move, OutboxRow, Outgoing
from flyball.store.settings import StoreSettings

CLOSE_SECONDS_MAX = 5.0
AWAY: tuple[type[Exception], ...] = (
    ConnectionError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.QueryCanceledError,
)
"""Errors that pass by themselves: server away or starting, deadlock, time-out, too many connections."""

FIRST = """
INSERT INTO positions SELECT $1, $2, partition, 0 FROM unnest($3::integer[]) AS partition ORDER BY partition
ON CONFLICT DO NOTHING
"""
# Locked in the order of partitions: an old owner and a new one that hold several must not wait for one another.
ADVANCE = """
WITH held AS (
    SELECT partition, m.next_offset
    FROM positions p
    JOIN unnest($3::integer[], $4::bigint[], $5::bigint[]) AS m (partition, from_offset, next_offset) USING (partition)
    WHERE p.consumer = $1 AND p.topic = $2 AND p.next_offset = m.from_offset
    ORDER BY partition FOR UPDATE OF p
)
UPDATE positions p SET next_offset = held.next_offset
FROM held WHERE p.consumer = $1 AND p.topic = $2 AND p.partition = held.partition
RETURNING p.partition
"""


@contextmanager
def transient_errors(*more: type[Exception]) -> Iterator[None]:
    """Turn what the driver raises while the server is away into ``Transient``; let bugs through."""
    away = AWAY + more
    try:
        yield
    except away as error:
        raise Transient(f"Postgres: {type(error).__name__}: {error}") from error


class PostgresTransaction:
    """A transaction on one connection; adapters of a service run their own SQL on ``connection``."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    async def advance(self, consumer: str, topic: str, moves: Sequence[Move]) -> set[int]:
        if first := [move.partition for move in moves if move.from_offset == 0]:
            await self.connection.execute(FIRST, consumer, topic, first)
        columns = [(move.partition, move.from_offset, move.next_offset) for move in moves]
        rows = await self.connection.fetch(ADVANCE, consumer, topic, *map(list, zip(*columns, strict=True)))
        return {row["partition"] for row in rows}

    async def enqueue(self, messages: Sequence[Outgoing]) -> None:
        if not messages:
            return
        await self.connection.copy_records_to_table(
            "outbox",
            columns=("topic", "key", "header_names", "header_values", "body"),
            records=[
                (m.topic, m.key, [name for name, _ in m.headers], [value for _, value in m.headers], m.body)
                for m in messages
            ],
        )

    async def unseen(self, consumer: str, ids: Sequence[UUID], recorded_at: datetime) -> set[UUID]:
        rows = await self.connection.fetch(
            "INSERT INTO seen SELECT $1, id, $3 FROM unnest($2::uuid[]) AS id ORDER BY id"
            " ON CONFLICT DO NOTHING RETURNING id",
            consumer,
            list(set(ids)),
            recorded_at,
        )
        return {UUID(int=row["id"].int) for row in rows}

    async def claim_outbox(self, rows_max: int) -> Sequence[OutboxRow] | None:
        # Advisory locks are per database: services that share one must not hold up one another's relay.
        mine = await self.connection.fetchval(
            "SELECT pg_try_advisory_xact_lock(hashtextextended(current_schema() || '.outbox', 0))"
        )
        if not mine:
            return None
        rows = await self.connection.fetch(
            "SELECT id, topic, key, header_names, header_values, body FROM outbox ORDER BY id LIMIT $1", rows_max
        )
        return [
            OutboxRow(
                row["id"],
                Outgoing(
                    row["topic"],
                    row["key"],
                    tuple(zip(row["header_names"], row["header_values"], strict=True)),
                    row["body"],
                ),
            )
            for row in rows
        ]

    async def forget_outbox(self, rows: Sequence[OutboxRow]) -> None:
        await self.connection.execute("DELETE FROM outbox WHERE id = ANY($1::bigint[])", [row.id for row in rows])


class PostgresDatabase:
    """One service's schema on a Postgres server."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[PostgresTransaction]:
        with transient_errors(OSError):
            connection = await self._pool.acquire()
        try:
            # What a handler raises of its own, a file that is missing for example, is a bug and no reason to retry.
            with transient_errors():
                async with connection.transaction():
                    yield PostgresTransaction(connection)
        finally:
            await self._pool.release(connection)

    async def positions(self, consumer: str, topic: str) -> Mapping[int, int]:
        rows = await self.fetch(
            "SELECT partition, next_offset FROM positions WHERE consumer = $1 AND topic = $2", consumer, topic
        )
        return {row["partition"]: row["next_offset"] for row in rows}

    async def forget_seen(self, days: int) -> None:
        with transient_errors(OSError):
            await self._pool.execute(
                "DELETE FROM seen WHERE recorded_at < (SELECT max(recorded_at) FROM seen) - make_interval(days => $1)",
                days,
            )

    async def outbox_age_seconds(self) -> float:
        rows = await self.fetch("SELECT extract(epoch FROM clock_timestamp() - min(created_at)) AS age FROM outbox")
        return max(0.0, float(rows[0]["age"] or 0.0))

    async def fetch(self, sql: str, *arguments: Any) -> Sequence[Any]:
        """Rows of one read-only question."""
        with transient_errors(OSError):
            rows: Sequence[Any] = await self._pool.fetch(sql, *arguments)
            return rows


@asynccontextmanager
async def open_postgres(
    settings: StoreSettings, schema: str, migrations: Iterable[Traversable]
) -> AsyncIterator[PostgresDatabase]:
    """Connect, migrate the schema, and close the pool at the end. Raises ``Transient`` while the server is away."""
    with transient_errors(OSError):
        pool = await asyncpg.create_pool(
            settings.postgres.get_secret_value(),
            min_size=1,
            max_size=settings.postgres_connections_max,
            command_timeout=settings.postgres_statement_seconds_max,
            reset=_nothing_to_reset,
            server_settings={
                "search_path": schema,
                "application_name": f"flyball-{schema}",
                "idle_in_transaction_session_timeout": f"{settings.postgres_idle_transaction_seconds_max}s",
                "statement_timeout": f"{settings.postgres_statement_seconds_max}s",
                "timezone": "UTC",
            },
        )
    try:
        with transient_errors(OSError):
            async with pool.acquire() as connection:
                await migrate(connection, schema, (DELIVERY, *migrations))
        yield PostgresDatabase(pool)
    finally:
        await _close(pool)


async def _nothing_to_reset(connection: Any) -> None:
    """Ours leave nothing behind: locks and settings are those of transactions. The driver would ask the server."""
    del connection


async def _close(pool: Any) -> None:
    try:
        await asyncio.wait_for(pool.close(), CLOSE_SECONDS_MAX)
    except TimeoutError:
        pool.terminate()
