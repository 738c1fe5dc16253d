"""Feeds as people ask for them."""

from collections.abc import Mapping, Sequence
from typing import Any

from flyball.store.postgres import PostgresDatabase
from telemetry_ingest.domain.feeds.facts import moment_of, said_of
from telemetry_ingest.domain.feeds.state import APART, QUARANTINE, TOLD

READ = """
SELECT topic, partition, system, apart, told, quarantine, released_ms FROM feeds
WHERE tenant = $1 AND ($2::text IS NULL OR system = $2) AND (system, topic, partition) > ($3, $4, $5)
ORDER BY system, topic, partition LIMIT $6
"""
Cursor = tuple[str, str, int]
BEGINNING: Cursor = ("", "", -1)


async def read_feeds(
    database: PostgresDatabase, tenant: str, system: str | None, after: Cursor, rows_max: int
) -> Sequence[Mapping[str, Any]]:
    """Feeds of which anything is remembered, in order of system, topic and partition."""
    return [_item(row) for row in await database.fetch(READ, tenant, system, *after, rows_max)]


def _item(row: Mapping[str, Any]) -> dict[str, Any]:
    apart = APART.validate_json(row["apart"])
    return {
        "system": row["system"],
        "topic": row["topic"],
        "partition": row["partition"],
        **_trust(row),
        "labels": {label: len(values) for label, values in sorted(apart.labels.items())},
        "segments": len(apart.segments),
        "told": [
            {"kind": kind, "subject": subject, "field": field or None, "at": moment_of(told.at_ms).isoformat()}
            for key, told in sorted(TOLD.validate_json(row["told"]).items())
            for kind, subject, field in [key.split("\n", 2)]
        ],
    }


def _trust(row: Mapping[str, Any]) -> dict[str, Any]:
    """``released``: its owner has said so, and no record has come since."""
    if row["quarantine"] is None:
        return {"state": "trusted", "since": None, "reason": None, "owner": None}
    held = QUARANTINE.validate_json(row["quarantine"])
    return {
        "state": "quarantined" if row["released_ms"] is None else "released",
        "since": moment_of(held.since_ms).isoformat(),
        "reason": said_of(held),
        "owner": held.owner,
    }
