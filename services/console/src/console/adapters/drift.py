"""References and reports of drift in Postgres, the newest of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from flyball.schemas.base import DEFAULT_TENANT
from flyball.schemas.drift import DriftReference, DriftReport
from flyball.store.postgres import PostgresDatabase, PostgresTransaction

VERSIONS_PER_SYSTEM_MAX = 8
REPORTS_PER_FEATURE_MAX = 200
ROWS_MAX = 20_000
TRIM_REFERENCES = """
DELETE FROM drift_references WHERE tenant = $1 AND system = $2 AND version <= (
    SELECT version FROM drift_references WHERE tenant = $1 AND system = $2 ORDER BY version DESC OFFSET $3 LIMIT 1
)
"""
TRIM_REPORTS = """
DELETE FROM drift_reports WHERE tenant = $1 AND system = $2 AND feature = $3 AND number <= (
    SELECT number FROM drift_reports WHERE tenant = $1 AND system = $2 AND feature = $3
    ORDER BY number DESC OFFSET $4 LIMIT 1
)
"""
MARKS = """
SELECT system, feature, pane_start, severity, state FROM drift_reports
WHERE tenant = $1 AND ($2::text IS NULL OR system = $2) ORDER BY number DESC LIMIT $3
"""
NEWEST = """
SELECT report FROM drift_reports WHERE tenant = $1 AND system = $2 AND feature = $3 ORDER BY number DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Mark:
    """What one report says of one pane."""

    system: str
    feature: str
    pane_start: datetime
    severity: str
    state: str


@dataclass(frozen=True, slots=True)
class PostgresDrift:
    """Writes, within a transaction."""

    transaction: PostgresTransaction

    async def put_references(self, references: Sequence[DriftReference]) -> None:
        connection = self.transaction.connection
        await connection.executemany(
            "INSERT INTO drift_references VALUES ($1, $2, $3, $4)"
            " ON CONFLICT (tenant, system, version) DO UPDATE SET reference = excluded.reference",
            [(item.tenant, item.system, item.version, _json(item)) for item in references],
        )
        for tenant, system in sorted({(item.tenant, item.system) for item in references}):
            await connection.execute(TRIM_REFERENCES, tenant, system, VERSIONS_PER_SYSTEM_MAX)

    async def add_reports(self, reports: Sequence[tuple[UUID, DriftReport]]) -> None:
        connection = self.transaction.connection
        await connection.executemany(
            "INSERT INTO drift_reports (id, tenant, system, feature, pane_start, severity, state, report)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING",
            [(identity, *_columns(item), _json(item)) for identity, item in reports],
        )
        for tenant, system, feature in sorted({(item.tenant, item.system, _text(item.feature)) for _, item in reports}):
            await connection.execute(TRIM_REPORTS, tenant, system, feature, REPORTS_PER_FEATURE_MAX)


@dataclass(frozen=True, slots=True)
class DriftReads:
    """Answers for one tenant. Every method raises ``Transient`` while Postgres is away."""

    database: PostgresDatabase
    tenant: str = DEFAULT_TENANT

    async def marks(self, system: str | None) -> Sequence[Mark]:
        """Newest first, ``ROWS_MAX`` at most."""
        rows = await self.database.fetch(MARKS, self.tenant, system, ROWS_MAX)
        return [Mark(*(row[name] for name in Mark.__dataclass_fields__)) for row in rows]

    async def report(self, system: str, feature: str) -> DriftReport | None:
        """The newest report of a feature."""
        rows = await self.database.fetch(NEWEST, self.tenant, system, feature)
        return DriftReport.model_validate_json(rows[0]["report"]) if rows else None

    async def reference(self, system: str, version: int) -> DriftReference | None:
        rows = await self.database.fetch(
            "SELECT reference FROM drift_references WHERE tenant = $1 AND system = $2 AND version = $3",
            self.tenant,
            system,
            version,
        )
        return DriftReference.model_validate_json(rows[0]["reference"]) if rows else None


def _columns(report: DriftReport) -> tuple[Any, ...]:
    return (
        report.tenant,
        report.system,
        _text(report.feature),
        report.pane_start,
        report.severity,
        report.state,
    )


def _json(item: DriftReference | DriftReport) -> str:
    return item.model_dump_json()


def _text(text: str) -> str:
    # Postgres's text has no NUL, which a feature's name may have.
    return text.replace("\0", "\ufffd")
