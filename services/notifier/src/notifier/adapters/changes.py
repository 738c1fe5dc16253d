"""Changes in Postgres: kept for a week, added once, read beside incidents."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Any

from flyball.store.postgres import PostgresDatabase, PostgresTransaction
from notifier.domain.board import Incident
from notifier.domain.linked import BEFORE, KEPT, Change

COLUMNS = "id, tenant, system, at, kind, subject, decision, reason, actor"
ADD = f"INSERT INTO changes ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING"
SHOWN_MAX = 200
LINKED = """
SELECT system, at, kind, subject, decision, reason, actor FROM changes
WHERE tenant = $1 AND system = ANY($2) AND at BETWEEN $3 AND $4 ORDER BY at DESC, id LIMIT $5
"""


@dataclass(frozen=True, slots=True)
class PostgresChanges:
    transaction: PostgresTransaction

    async def add(self, changes: Sequence[Change]) -> None:
        # In the order of their keys, so that two replicas with the same new rows do not cross.
        ordered = sorted(changes, key=lambda each: (each.tenant, each.system, each.at, each.id))
        await self._connection.executemany(ADD, [astuple(change) for change in ordered])
        await self._connection.execute("DELETE FROM changes WHERE at < $1", max(each.at for each in changes) - KEPT)

    @property
    def _connection(self) -> Any:
        return self.transaction.connection


async def read_linked(
    database: PostgresDatabase, tenant: str, incident: Incident, now: datetime
) -> list[dict[str, Any]]:
    """From 24 hours before the incident to its end, the newest first."""
    until = incident.resolved_at or now
    systems = list(incident.systems[:SHOWN_MAX])
    rows = await database.fetch(LINKED, tenant, systems, incident.detected_at - BEFORE, until, SHOWN_MAX)
    return [{**row, "at": row["at"].isoformat()} for row in rows]
