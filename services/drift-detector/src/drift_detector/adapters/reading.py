"""What the HTTP port reads."""

from collections.abc import Sequence
from typing import Any

from drift_detector.adapters.postgres import Plans, PostgresSystems
from drift_detector.adapters.rows import state_of
from drift_detector.domain.state import DetectorState
from drift_detector.ports import SystemKey, Tracked
from flyball.store.postgres import PostgresDatabase

SYSTEMS = """
SELECT system, state, arrays FROM systems
WHERE tenant = $1 AND state IS NOT NULL AND system > $2 ORDER BY system LIMIT $3
"""


async def read_systems(
    database: PostgresDatabase, tenant: str, after: str, rows_max: int
) -> Sequence[tuple[str, DetectorState]]:
    """Systems of which anything was counted, in order of name."""
    found = await database.fetch(SYSTEMS, tenant, after, rows_max)
    return [(row["system"], state_of(row["state"], row["arrays"])) for row in found]


async def read_system(database: PostgresDatabase, plans: Plans, key: SystemKey) -> Tracked | None:
    """One system as it stands; None if nothing is known of it."""
    async with database.transaction() as transaction:
        return await PostgresSystems(transaction, plans).find(key)


async def read_references(database: PostgresDatabase, key: SystemKey, version: int | None, rows_max: int) -> list[Any]:
    """Versions of a reference as JSON texts, the newest first."""
    found = await database.fetch(
        "SELECT body FROM drift_references WHERE tenant = $1 AND system = $2"
        " AND ($3::integer IS NULL OR version = $3) ORDER BY version DESC LIMIT $4",
        *key,
        version,
        rows_max,
    )
    return [row["body"] for row in found]


async def read_reports(database: PostgresDatabase, key: SystemKey, before: int | None, rows_max: int) -> list[Any]:
    """Reports of a system with their numbers, the newest first, those before ``before`` where it is given."""
    found = await database.fetch(
        "SELECT number, body FROM reports WHERE tenant = $1 AND system = $2"
        " AND ($3::bigint IS NULL OR number < $3) ORDER BY number DESC LIMIT $4",
        *key,
        before,
        rows_max,
    )
    return [dict(row) for row in found]
