"""What the HTTP port and the ticker read."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flyball.store.postgres import PostgresDatabase
from notifier.adapters import rows
from notifier.domain.board import OVER, Delivery, Incident, KnownAlert
from notifier.domain.inputs import Silence


async def due_tenants(database: PostgresDatabase, now: datetime, tenants_max: int) -> Sequence[str]:
    found = await database.fetch(
        "SELECT tenant FROM boards WHERE due_at <= $1 ORDER BY due_at LIMIT $2", now, tenants_max
    )
    return [row["tenant"] for row in found]


async def due_reminders(database: PostgresDatabase, now: datetime, rows_max: int) -> Sequence[tuple[str, str]]:
    """Tenant and incident of those of which people are to be reminded."""
    found = await database.fetch(
        "SELECT tenant, id FROM incidents WHERE remind_at <= $1 ORDER BY remind_at, id LIMIT $2", now, rows_max
    )
    return [(row["tenant"], row["id"]) for row in found]


async def stuck_since(database: PostgresDatabase) -> datetime | None:
    """Since when something should have been decided or sent and was not; None: nothing waits."""
    found = await database.fetch(
        "SELECT least((SELECT min(due_at) FROM boards), (SELECT min(not_before) FROM deliveries WHERE state = 'open'))"
        " AS since"
    )
    since: datetime | None = found[0]["since"]
    return since


async def read_incidents(
    database: PostgresDatabase, tenant: str, *, open_only: bool, before: tuple[datetime, str] | None, rows_max: int
) -> list[Incident]:
    """The newest first; those before a place (detected at, id) where it is given."""
    at, identity = before or (None, None)
    found = await database.fetch(
        "SELECT body FROM incidents WHERE tenant = $1 AND (NOT $2 OR NOT state = ANY($3))"
        " AND ($4::timestamptz IS NULL OR (detected_at, id) < ($4, $5)) ORDER BY detected_at DESC, id DESC LIMIT $6",
        tenant,
        open_only,
        sorted(OVER),
        at,
        identity,
        rows_max,
    )
    return [rows.INCIDENT.validate_json(row["body"]) for row in found]


async def read_incident(database: PostgresDatabase, tenant: str, identity: str) -> Incident | None:
    found = await database.fetch("SELECT body FROM incidents WHERE tenant = $1 AND id = $2", tenant, identity)
    return rows.INCIDENT.validate_json(found[0]["body"]) if found else None


async def read_children(
    database: PostgresDatabase, tenant: str, incident: str, rows_max: int
) -> tuple[int, list[KnownAlert]]:
    """How many alerts an incident has, and the worst of them."""
    found = await database.fetch(
        "SELECT body, count(*) OVER () AS total FROM children WHERE tenant = $1 AND incident = $2"
        " ORDER BY severity, fingerprint LIMIT $3",
        tenant,
        incident,
        rows_max,
    )
    return (found[0]["total"] if found else 0), [rows.ALERT.validate_json(row["body"]) for row in found]


async def read_timeline(
    database: PostgresDatabase, tenant: str, incident: str, rows_max: int
) -> Sequence[dict[str, Any]]:
    """The newest lines, the oldest of them first."""
    found = await database.fetch(
        "SELECT at, kind, actor, text FROM timeline WHERE tenant = $1 AND incident = $2"
        " ORDER BY sequence DESC LIMIT $3",
        tenant,
        incident,
        rows_max,
    )
    return [{**row, "at": row["at"].isoformat()} for row in reversed(found)]


async def read_deliveries(
    database: PostgresDatabase, tenant: str, incident: str | None, state: str | None, rows_max: int
) -> list[Delivery]:
    found = await database.fetch(
        "SELECT body FROM deliveries WHERE tenant = $1 AND ($2::text IS NULL OR incident = $2)"
        " AND ($3::text IS NULL OR state = $3) ORDER BY id DESC LIMIT $4",
        tenant,
        incident,
        state,
        rows_max,
    )
    return [rows.DELIVERY.validate_json(row["body"]) for row in reversed(found)]


async def read_silences(database: PostgresDatabase, tenant: str, now: datetime, rows_max: int) -> list[Silence]:
    found = await database.fetch(
        "SELECT body FROM silences WHERE tenant = $1 AND ends_at > $2 ORDER BY ends_at, id LIMIT $3",
        tenant,
        now,
        rows_max,
    )
    return [rows.SILENCE.validate_json(row["body"]) for row in found]


async def read_inputs(database: PostgresDatabase, tenant: str) -> list[Any]:
    """Everything that was decided upon, in order: enough to make the board again."""
    found = await database.fetch("SELECT body FROM inputs WHERE tenant = $1 ORDER BY sequence", tenant)
    return [rows.INPUT.validate_json(row["body"]) for row in found]
