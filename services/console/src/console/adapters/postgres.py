"""Systems, rejected records and live budgets in Postgres."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from flyball.schemas.budgets import BudgetStates
from flyball.schemas.registry import SystemRevision
from flyball.schemas.rejected import TelemetryRejected
from flyball.store.postgres import PostgresTransaction

INSERT_REJECTED = """
INSERT INTO rejected (id, tenant, system, recorded_at, reason, field, detail, topic, partition, "offset", key,
                      header_names, header_values, body)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
ON CONFLICT (id) DO NOTHING
"""
TRIM_REJECTED = """
DELETE FROM rejected WHERE tenant = $1 AND system = $2 AND number <= (
    SELECT number FROM rejected WHERE tenant = $1 AND system = $2 ORDER BY number DESC OFFSET $3 LIMIT 1
)
"""


@dataclass(frozen=True, slots=True)
class PostgresSystems:
    transaction: PostgresTransaction

    async def lock(self, tenant: str, system: str) -> Sequence[SystemRevision]:
        connection = self.transaction.connection
        await connection.execute("INSERT INTO systems VALUES ($1, $2) ON CONFLICT DO NOTHING", tenant, system)
        await connection.execute(
            "SELECT FROM systems WHERE tenant = $1 AND system = $2 FOR NO KEY UPDATE", tenant, system
        )
        rows = await connection.fetch(
            "SELECT revision FROM revisions WHERE tenant = $1 AND system = $2 ORDER BY version", tenant, system
        )
        return [SystemRevision.model_validate_json(row["revision"]) for row in rows]

    async def save(self, tenant: str, system: str, revisions: Sequence[SystemRevision]) -> None:
        connection = self.transaction.connection
        await connection.executemany(
            "INSERT INTO revisions VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
            [(tenant, system, revision.version, revision.model_dump_json()) for revision in revisions],
        )
        await connection.execute(
            "DELETE FROM revisions WHERE tenant = $1 AND system = $2 AND version < $3",
            tenant,
            system,
            revisions[0].version,
        )


@dataclass(frozen=True, slots=True)
class PostgresRejections:
    transaction: PostgresTransaction
    records_per_system_max: int

    async def add(self, items: Sequence[tuple[UUID, TelemetryRejected]]) -> None:
        connection = self.transaction.connection
        await connection.executemany(INSERT_REJECTED, [_row(identity, event) for identity, event in items])
        for tenant, system in sorted({(event.tenant, event.system) for _, event in items}):
            await connection.execute(TRIM_REJECTED, tenant, system, self.records_per_system_max)


def _row(identity: UUID, event: TelemetryRejected) -> tuple[object, ...]:
    position = event.position
    names, values = [name for name, _ in event.headers], [value for _, value in event.headers]
    what = (identity, event.tenant, event.system, event.recorded_at, event.reason, event.field, event.detail)
    # Postgres's text has no NUL, which JSON strings and header names may have.
    clean = tuple(item.replace("\0", "\ufffd") if isinstance(item, str) else item for item in what)
    names = [name.replace("\0", "\ufffd") for name in names]
    return (*clean, position.topic, position.partition, position.offset, event.key, names, values, event.body)


@dataclass(frozen=True, slots=True)
class PostgresLiveBudgets:
    transaction: PostgresTransaction

    async def put(self, states: Sequence[BudgetStates]) -> None:
        if not states:
            return
        connection = self.transaction.connection
        change = await connection.fetchval("UPDATE budget_changes SET last = last + 1 RETURNING last")
        await connection.executemany(
            "INSERT INTO budget_states VALUES ($1, $2, $3, $4)"
            " ON CONFLICT (tenant, system) DO UPDATE SET change = excluded.change, states = excluded.states",
            [(item.tenant, item.system, change, item.model_dump_json()) for item in states],
        )
