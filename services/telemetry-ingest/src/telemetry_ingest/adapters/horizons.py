"""How long each system's predictions and interactions wait for their judgements, in Postgres."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from flyball.schemas.registry import SystemRegistered
from flyball.store.postgres import PostgresTransaction
from telemetry_ingest.domain.joins import DAYS_DEFAULT, Horizons

READ = """
SELECT h.tenant, h.system, h.effective_at, h.days
FROM unnest($1::text[], $2::text[]) AS n (tenant, system) JOIN join_horizons AS h USING (tenant, system)
ORDER BY 1, 2, 3
"""


@dataclass(frozen=True, slots=True)
class PostgresHorizons:
    transaction: PostgresTransaction

    async def keep(self, registered: SystemRegistered) -> None:
        """Remember the horizons of all revisions. Of a system that has only ever had the default there is no row."""
        connection = self.transaction.connection
        key = registered.tenant, registered.system
        await connection.execute("DELETE FROM join_horizons WHERE tenant = $1 AND system = $2", *key)
        rows = horizons_of(registered)
        if any(days != DAYS_DEFAULT for _, days in rows):
            await connection.executemany(
                "INSERT INTO join_horizons VALUES ($1, $2, $3, $4)", [(*key, since, days) for since, days in rows]
            )

    async def of(self, systems: Iterable[tuple[str, str]]) -> Horizons:
        names = sorted(systems)
        columns = [tenant for tenant, _ in names], [system for _, system in names]
        found: dict[tuple[str, str], list[tuple[datetime, int]]] = {}
        for row in await self.transaction.connection.fetch(READ, *columns):
            found.setdefault((row["tenant"], row["system"]), []).append((row["effective_at"], row["days"]))
        return found


def horizons_of(registered: SystemRegistered) -> list[tuple[datetime, int]]:
    """From when on which; of revisions that take effect together the later one."""
    since = {each.effective_at: each.spec.telemetry.join_horizon_days for each in registered.revisions}
    return sorted(since.items())
