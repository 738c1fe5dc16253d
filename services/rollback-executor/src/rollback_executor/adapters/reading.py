"""What the HTTP port reads."""

import json
from collections.abc import Sequence
from typing import Any

from flyball.store.postgres import PostgresDatabase
from rollback_executor.adapters.rows import tracked_of
from rollback_executor.ports import TargetName, Tracked

NEWEST_CHANGE = """
SELECT r.number, c.body FROM rollouts r JOIN changes c ON c.rollout_id = r.id AND c.version = r.version
WHERE r.tenant = $1 AND ($2::text IS NULL OR r.system = $2) AND ($3::text IS NULL OR r.environment = $3)
    AND (NOT $4 OR r.is_open) AND ($5::bigint IS NULL OR r.number < $5)
ORDER BY r.number DESC LIMIT $6
"""


async def read_rollouts(
    database: PostgresDatabase,
    tenant: str,
    system: str | None,
    environment: str | None,
    before: int | None,
    rows_max: int,
    *,
    open_only: bool,
) -> list[tuple[int, dict[str, Any]]]:
    """Number and last change of each rollout, newest first."""
    rows = await database.fetch(NEWEST_CHANGE, tenant, system, environment, open_only, before, rows_max)
    return [(row["number"], json.loads(row["body"])) for row in rows]


async def read_rollout(database: PostgresDatabase, rollout_id: str) -> Tracked | None:
    rows = await database.fetch("SELECT state, policy, ticked_at FROM rollouts WHERE id = $1", rollout_id)
    return tracked_of(rows[0]) if rows else None


async def read_newest(database: PostgresDatabase, name: TargetName) -> Tracked | None:
    rows = await database.fetch(
        "SELECT state, policy, ticked_at FROM rollouts WHERE tenant = $1 AND system = $2 AND environment = $3"
        " ORDER BY number DESC LIMIT 1",
        name.tenant,
        name.system,
        name.environment,
    )
    return tracked_of(rows[0]) if rows else None


async def read_changes(database: PostgresDatabase, rollout_id: str, rows_max: int) -> list[dict[str, Any]]:
    """The newest changes, oldest of them first."""
    rows = await database.fetch(
        "SELECT body FROM changes WHERE rollout_id = $1 ORDER BY version DESC LIMIT $2", rollout_id, rows_max
    )
    return [json.loads(row["body"]) for row in reversed(rows)]


async def read_effects(database: PostgresDatabase, rollout_id: str) -> Sequence[dict[str, Any]]:
    """Intents and receipts, in the order of their epochs."""
    rows = await database.fetch(
        "SELECT epoch, step, token, attempts, outcome, detail, receipt_at FROM effects WHERE rollout_id = $1"
        " ORDER BY epoch, step",
        rollout_id,
    )
    return [
        {
            **dict(row),
            "token": json.loads(row["token"]),
            "receipt_at": row["receipt_at"].isoformat() if row["receipt_at"] else None,
        }
        for row in rows
    ]
