"""What the HTTP port reads."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from budget_ledger.adapters import rows
from budget_ledger.domain.budget import Budget, Sums
from budget_ledger.domain.entries import Entry
from budget_ledger.domain.pace import Spent
from flyball.schemas.registry import SystemRevision
from flyball.store.postgres import PostgresDatabase

REVISIONS = TypeAdapter(tuple[SystemRevision, ...])


async def read_budgets(
    database: PostgresDatabase, tenant: str, system: str | None, after: str, systems_max: int
) -> dict[str, dict[str, Budget]]:
    """Budgets by system and dimension, in order of the systems' names."""
    found = await database.fetch(
        "SELECT * FROM budgets WHERE tenant = $1 AND system IN (SELECT DISTINCT system FROM budgets"
        " WHERE tenant = $1 AND ($2::text IS NULL OR system = $2) AND system > $3 ORDER BY system LIMIT $4)"
        " ORDER BY system, dimension",
        tenant,
        system,
        after,
        systems_max,
    )
    result: dict[str, dict[str, Budget]] = {}
    for row in found:
        result.setdefault(row["system"], {})[row["dimension"]] = rows.budget_of(row)
    return result


async def read_revisions(database: PostgresDatabase, tenant: str, system: str) -> Sequence[SystemRevision]:
    found = await database.fetch("SELECT revisions FROM systems WHERE tenant = $1 AND system = $2", tenant, system)
    return REVISIONS.validate_json(found[0]["revisions"]) if found else ()


async def read_entries(
    database: PostgresDatabase, tenant: str, system: str, dimension: str, *, before: int | None, rows_max: int
) -> list[Entry]:
    """The newest entries first, those before ``before`` where it is given."""
    found = await database.fetch(
        "SELECT * FROM entries WHERE tenant = $1 AND system = $2 AND dimension = $3"
        " AND ($4::bigint IS NULL OR sequence < $4) ORDER BY sequence DESC LIMIT $5",
        tenant,
        system,
        dimension,
        before,
        rows_max,
    )
    return [rows.entry_of(row) for row in found]


async def read_totals(
    database: PostgresDatabase, tenant: str, system: str, dimension: str
) -> Sequence[Mapping[str, Any]]:
    """Entries and points by kind and accounts."""
    found = await database.fetch(
        "SELECT kind, debit, credit, count(*) AS entries, sum(amount)::bigint AS amount, sum(events)::bigint AS events"
        " FROM entries WHERE tenant = $1 AND system = $2 AND dimension = $3 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
        tenant,
        system,
        dimension,
    )
    return [dict(row) for row in found]


async def last_recorded_at(database: PostgresDatabase, tenant: str, system: str) -> datetime | None:
    found = await database.fetch(
        "SELECT e.recorded_at FROM budgets b JOIN entries e USING (tenant, system, dimension, sequence)"
        " WHERE b.tenant = $1 AND b.system = $2 ORDER BY 1 DESC LIMIT 1",
        tenant,
        system,
    )
    return found[0]["recorded_at"] if found else None


async def read_hours(database: PostgresDatabase, tenant: str, system: str) -> dict[str, dict[datetime, Sums]]:
    """What each hour of the window put into each budget, by dimension."""
    found = await database.fetch(
        "SELECT dimension, hour, sums FROM hours WHERE tenant = $1 AND system = $2 ORDER BY hour", tenant, system
    )
    result: dict[str, dict[datetime, Sums]] = {}
    for row in found:
        result.setdefault(row["dimension"], {})[row["hour"]] = rows.sums_of(row["sums"])
    return result


async def read_minutes(
    database: PostgresDatabase, tenant: str, system: str, dimension: str, entries_max: int
) -> list[Spent]:
    """What the newest entries granted and burned, by the minute in which it happened."""
    found = await database.fetch(
        "SELECT date_trunc('minute', effective_at) AS at,"
        " sum(CASE WHEN kind = 'grant' THEN amount ELSE 0 END)::bigint AS granted,"
        " sum(CASE kind WHEN 'burn' THEN amount WHEN 'correct' THEN -amount ELSE 0 END)::bigint AS burned"
        " FROM (SELECT * FROM entries WHERE tenant = $1 AND system = $2 AND dimension = $3"
        "       ORDER BY sequence DESC LIMIT $4) AS newest WHERE kind IN ('grant', 'burn', 'correct') GROUP BY 1",
        tenant,
        system,
        dimension,
        entries_max,
    )
    return [Spent(row["at"], row["granted"], row["burned"]) for row in found]
