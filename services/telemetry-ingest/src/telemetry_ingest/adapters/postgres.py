"""Totals in Postgres."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flyball.store.postgres import PostgresDatabase, PostgresTransaction
from telemetry_ingest.domain.condense import SystemTotals

ADD = """
INSERT INTO totals AS t (tenant, system, counted, duplicates, rejected, late, first_seen_at, last_seen_at)
SELECT *, $7::timestamptz, $7
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
ON CONFLICT (tenant, system) DO UPDATE SET
    counted = t.counted + excluded.counted,
    duplicates = t.duplicates + excluded.duplicates,
    rejected = t.rejected + excluded.rejected,
    late = t.late + excluded.late,
    last_seen_at = greatest(t.last_seen_at, excluded.last_seen_at)
"""
READ = """
SELECT tenant, system, counted, duplicates, rejected, late, first_seen_at, last_seen_at,
    d.system IS NOT NULL AS declared
FROM totals LEFT JOIN declared AS d USING (tenant, system)
WHERE tenant = $1 AND ($2::text IS NULL OR system = $2) AND system > $3
ORDER BY system LIMIT $4
"""


@dataclass(frozen=True, slots=True)
class PostgresTotals:
    transaction: PostgresTransaction

    async def add(self, totals: Mapping[tuple[str, str], SystemTotals], recorded_at: datetime) -> None:
        """Rows are locked in the order of their keys, so that replicas cannot wait for each other in a circle."""
        if not totals:
            return
        rows = [
            (tenant, system, sums.counted, sums.duplicates, sums.rejected, sums.late)
            for (tenant, system), sums in sorted(totals.items(), key=lambda item: item[0])
        ]
        await self.transaction.connection.execute(ADD, *map(list, zip(*rows, strict=True)), recorded_at)

    async def declare(self, tenant: str, system: str) -> None:
        await self.transaction.connection.execute(
            "INSERT INTO declared VALUES ($1, $2) ON CONFLICT DO NOTHING", tenant, system
        )


async def read_totals(
    database: PostgresDatabase, tenant: str, system: str | None, after: str, rows_max: int
) -> Sequence[Mapping[str, Any]]:
    """Totals of one tenant's systems in order of name, starting after ``after``."""
    return [dict(row) for row in await database.fetch(READ, tenant, system, after, rows_max)]
