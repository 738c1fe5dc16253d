"""Systems, references and panes in Postgres."""

from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter

from drift_detector.adapters.rows import arrays_of, head_of, packed_cells, state_of, unpacked_cells
from drift_detector.domain.decide import Known
from drift_detector.domain.layout import Layout
from drift_detector.domain.learn import Kept
from drift_detector.domain.plan import Plan
from drift_detector.domain.state import DetectorState, Pane
from drift_detector.ports import SystemKey, Tracked
from flyball.schemas.drift import DriftReference, DriftReport
from flyball.schemas.registry import SystemRegistered, SystemRevision
from flyball.schemas.summaries import TelemetrySummary
from flyball.store.postgres import PostgresTransaction

REVISIONS = TypeAdapter(tuple[SystemRevision, ...])
PLANS_IN_MEMORY_MAX = 128
PANES_KEPT = 64
REPORTS_KEPT = 2_000
LOCK = """
SELECT systems.* FROM systems JOIN unnest($1::text[], $2::text[]) AS n (tenant, system) USING (tenant, system)
ORDER BY tenant, system FOR UPDATE OF systems
"""
VERSIONS = """
SELECT version FROM drift_references WHERE tenant = $1 AND system = $2 AND version >= $3 ORDER BY version
"""
RECENT = """
SELECT start, cells FROM panes WHERE tenant = $1 AND system = $2 ORDER BY number DESC LIMIT $3
"""
TRIM = """
DELETE FROM panes WHERE tenant = $1 AND system = $2 AND number <= (
    SELECT number FROM panes WHERE tenant = $1 AND system = $2 ORDER BY number DESC OFFSET $3 LIMIT 1)
"""
TRIM_REPORTS = """
DELETE FROM reports WHERE tenant = $1 AND system = $2 AND number <= (
    SELECT number FROM reports WHERE tenant = $1 AND system = $2 ORDER BY number DESC OFFSET $3 LIMIT 1)
"""
Key = tuple[str, str, int]


@dataclass(slots=True)
class Plans:
    """References with their plans, the ones used last: versions never change, so what was read once is good."""

    _known: OrderedDict[Key, tuple[DriftReference, Plan | None]] = field(default_factory=OrderedDict)

    def get(self, key: Key) -> tuple[DriftReference, Plan | None] | None:
        found = self._known.get(key)
        if found is not None:
            self._known.move_to_end(key)
        return found

    def put(self, reference: DriftReference) -> tuple[DriftReference, Plan | None]:
        layout = Layout.of(reference)
        made = reference, Plan.of(layout) if layout.sections else None
        self._known[reference.tenant, reference.system, reference.version] = made
        while len(self._known) > PLANS_IN_MEMORY_MAX:
            self._known.popitem(last=False)
        return made


@dataclass(frozen=True, slots=True)
class PostgresSystems:
    transaction: PostgresTransaction
    plans: Plans

    async def register(self, event: SystemRegistered) -> None:
        await self._connection.execute(
            "INSERT INTO systems (tenant, system, revisions) VALUES ($1, $2, $3)"
            " ON CONFLICT (tenant, system) DO UPDATE SET revisions = excluded.revisions",
            event.tenant,
            event.system,
            REVISIONS.dump_json(event.revisions).decode(),
        )

    async def keep_reference(self, reference: DriftReference) -> None:
        await self._connection.execute(
            "INSERT INTO drift_references VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
            reference.tenant,
            reference.system,
            reference.version,
            reference.effective_at,
            reference.model_dump_json(),
        )

    async def lock(self, systems: Collection[SystemKey]) -> Mapping[SystemKey, Tracked]:
        ordered = sorted(systems)
        await self._connection.executemany(
            "INSERT INTO systems (tenant, system) VALUES ($1, $2) ON CONFLICT DO NOTHING", ordered
        )
        columns = [tenant for tenant, _ in ordered], [system for _, system in ordered]
        rows = await self._connection.fetch(LOCK, *columns)
        return {(row["tenant"], row["system"]): await self._tracked(row) for row in rows}

    async def find(self, system: SystemKey) -> Tracked | None:
        """As ``lock``, for looking only; None if nothing is known of the system."""
        row = await self._connection.fetchrow("SELECT * FROM systems WHERE tenant = $1 AND system = $2", *system)
        return await self._tracked(row) if row else None

    async def keep_rows(self, system: SystemKey, kept: Kept) -> None:
        await self._connection.execute(
            "INSERT INTO first_rows (tenant, system, version, body) VALUES ($1, $2, $3, $4)",
            *system,
            kept.version,
            kept.summary.model_dump_json(),
        )

    async def forget_rows(self, system: SystemKey, before_version: int) -> None:
        await self._connection.execute(
            "DELETE FROM first_rows WHERE tenant = $1 AND system = $2 AND version < $3", *system, before_version
        )

    async def first_rows(self, system: SystemKey, version: int) -> Sequence[Kept]:
        rows = await self._connection.fetch(
            "SELECT body FROM first_rows WHERE tenant = $1 AND system = $2 AND version = $3 ORDER BY number",
            *system,
            version,
        )
        return [Kept(TelemetrySummary.model_validate_json(row["body"]), version) for row in rows]

    async def save(self, system: SystemKey, before: Tracked, after: Tracked, judged: Sequence[Pane]) -> None:
        state = after.state
        await self._connection.execute(
            "UPDATE systems SET state = $3, arrays = $4 WHERE tenant = $1 AND system = $2",
            *system,
            head_of(state),
            arrays_of(state),
        )
        if state.version != before.state.version:
            await self._connection.execute("DELETE FROM panes WHERE tenant = $1 AND system = $2", *system)
        # A version that came in between had its panes too; those of the last one are the newest.
        fresh = judged[len(judged) - min(len(judged), len(after.recent)) :]
        await self._connection.executemany(
            "INSERT INTO panes (tenant, system, start, cells) VALUES ($1, $2, $3, $4)",
            [(*system, pane.start, packed_cells(pane.cells)) for pane in fresh],
        )
        if fresh:
            await self._connection.execute(TRIM, *system, len(after.recent))

    async def keep_reports(self, reports: Sequence[DriftReport]) -> None:
        await self._connection.executemany(
            "INSERT INTO reports (tenant, system, type, feature, body) VALUES ($1, $2, $3, $4, $5)",
            [(one.tenant, one.system, one.type, one.feature, one.model_dump_json()) for one in reports],
        )
        for key in sorted({(one.tenant, one.system) for one in reports}):
            await self._connection.execute(TRIM_REPORTS, *key, REPORTS_KEPT)

    async def _tracked(self, row: Any) -> Tracked:
        key = row["tenant"], row["system"]
        state = state_of(row["state"], row["arrays"]) if row["state"] else DetectorState()
        revisions = REVISIONS.validate_json(row["revisions"]) if row["revisions"] else ()
        panes = PANES_KEPT if state.calibration else state.panes
        recent = await self._connection.fetch(RECENT, *key, panes) if panes else []
        return Tracked(
            state,
            tuple(Pane(found["start"], unpacked_cells(found["cells"])) for found in reversed(recent)),
            await self._known(key, state.version),
            revisions,
        )

    async def _known(self, key: SystemKey, version: int) -> Known:
        rows = await self._connection.fetch(VERSIONS, *key, version)
        found = [await self._reference((*key, row["version"])) for row in rows]
        return Known(
            tuple(reference for reference, _ in found),
            {reference.version: plan for reference, plan in found if plan is not None},
        )

    async def _reference(self, key: Key) -> tuple[DriftReference, Plan | None]:
        known = self.plans.get(key)
        if known is None:
            body = await self._connection.fetchval(
                "SELECT body FROM drift_references WHERE tenant = $1 AND system = $2 AND version = $3", *key
            )
            known = self.plans.put(DriftReference.model_validate_json(body))
        return known

    @property
    def _connection(self) -> Any:
        return self.transaction.connection
