"""Questions to console's own tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from console.domain.excerpts import EXCERPT_BYTES_MAX
from flyball.schemas.base import DEFAULT_TENANT
from flyball.schemas.registry import SystemRevision
from flyball.store.postgres import PostgresDatabase

NEWEST = """
SELECT DISTINCT ON (system) system, revision FROM revisions
WHERE tenant = $1 AND system > $2 ORDER BY system, version DESC LIMIT $3
"""
REVISIONS = "SELECT revision FROM revisions WHERE tenant = $1 AND system = $2 ORDER BY version"
REJECTED = """
SELECT number, id, r.system, recorded_at, reason, field, detail, topic, partition, "offset",
       substring(body FROM 1 FOR $5) AS head, coalesce(octet_length(body), 0) AS body_bytes, p.actor, p.replayed_at
FROM rejected r LEFT JOIN replays p ON p.rejected = r.id
WHERE r.tenant = $1 AND ($2::text IS NULL OR r.system = $2) AND number < $3 AND ($6::text IS NULL OR reason = $6)
  AND ($7::timestamptz IS NULL OR recorded_at >= $7) AND ($8::timestamptz IS NULL OR recorded_at < $8)
  AND (NOT $9 OR p.rejected IS NULL)
ORDER BY number DESC LIMIT $4
"""
ONE_REJECTED = """
SELECT r.*, coalesce(octet_length(body), 0) AS body_bytes, p.actor, p.replayed_at
FROM rejected r LEFT JOIN replays p ON p.rejected = r.id WHERE r.tenant = $1 AND id = $2
"""
CHANGES = """
SELECT change, states FROM budget_states
WHERE tenant = $1 AND change > $2 AND ($3::text IS NULL OR system = $3) ORDER BY change, system
"""
NUMBER_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rejected records; ``waiting`` are those that nobody has replayed."""

    system: str | None = None
    reason: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    waiting: bool = False


@dataclass(frozen=True, slots=True)
class Reads:
    """Answers for one tenant. Every method raises ``Transient`` while Postgres is away."""

    database: PostgresDatabase
    tenant: str = DEFAULT_TENANT

    async def systems(self, after: str, rows_max: int) -> Sequence[SystemRevision]:
        """The newest revision of each system in order of name, starting after ``after``."""
        rows = await self.database.fetch(NEWEST, self.tenant, after, rows_max)
        return [SystemRevision.model_validate_json(row["revision"]) for row in rows]

    async def revisions(self, system: str) -> Sequence[SystemRevision]:
        """All revisions that are kept, oldest first; empty for a system that nobody declared."""
        rows = await self.database.fetch(REVISIONS, self.tenant, system)
        return [SystemRevision.model_validate_json(row["revision"]) for row in rows]

    async def rejected(self, wanted: Wanted, before: int | None, rows_max: int) -> Sequence[Mapping[str, Any]]:
        """Newest first, with the beginning of each body as ``head``."""
        before = NUMBER_MAX if before is None else before
        asked = (wanted.reason, wanted.since, wanted.until, wanted.waiting)
        return await self.database.fetch(
            REJECTED, self.tenant, wanted.system, before, rows_max, EXCERPT_BYTES_MAX, *asked
        )

    async def rejected_one(self, identity: UUID) -> Mapping[str, Any] | None:
        rows = await self.database.fetch(ONE_REJECTED, self.tenant, identity)
        return rows[0] if rows else None

    async def budget_changes(self, system: str | None, after: int) -> Sequence[tuple[int, str]]:
        """(change, states as JSON) of each system that changed after ``after``. A change is never half there."""
        rows = await self.database.fetch(CHANGES, self.tenant, after, system)
        return [(row["change"], row["states"]) for row in rows]
