"""Ports of drift-detector and audit-log on the simulated Postgres, statement by statement as their adapters."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from audit_log.domain.chain import Head, Link
from drift_detector.adapters.postgres import PANES_KEPT, Plans
from drift_detector.domain.decide import Known
from drift_detector.domain.learn import Kept
from drift_detector.domain.plan import Plan
from drift_detector.domain.state import DetectorState, Pane
from drift_detector.ports import SystemKey, Tracked
from flyball.schemas.drift import DriftReference, DriftReport
from flyball.schemas.registry import SystemRegistered, SystemRevision
from flyball.sim.session import DELETED, Session
from flyball.sim.transaction import MemoryTransaction, insert, insert_new

Result = TypeVar("Result")
Row = tuple[Sequence[SystemRevision], DetectorState]
"""A system: revisions of its spec, and what its detectors know."""


@dataclass(frozen=True, slots=True)
class MemorySystems:
    """``plans`` live as long as their process, as with Postgres."""

    transaction: MemoryTransaction
    plans: Plans

    async def register(self, event: SystemRegistered) -> None:
        def change(row: Row | None) -> Row:
            return event.revisions, row[1] if row else DetectorState()

        await self.transaction.change("systems", (event.tenant, event.system), change)

    async def keep_reference(self, reference: DriftReference) -> None:
        key = (reference.tenant, reference.system, reference.version)

        async def effect(session: Session) -> None:
            await insert_new(session, "drift_references", key, reference)

        await self._statement(f"keep reference {reference.version} of {reference.system}", effect)

    async def lock(self, systems: Collection[SystemKey]) -> Mapping[SystemKey, Tracked]:
        ordered = sorted(systems)

        async def opened(session: Session) -> None:
            for key in ordered:
                await insert_new(session, "systems", key, ((), DetectorState()))

        async def locked(session: Session) -> None:
            for key in ordered:
                await session.lock("systems", key)

        await self._statement(f"open {len(ordered)} systems", opened)
        await self._statement(f"lock {len(ordered)} systems", locked)
        return {key: await self._statement(f"read {key[1]}", self._tracked(key)) for key in ordered}

    async def keep_rows(self, system: SystemKey, kept: Kept) -> None:
        await self._statement(
            f"keep rows of {system[1]}", lambda session: _append(session, "first_rows", system, [kept])
        )

    async def forget_rows(self, system: SystemKey, before_version: int) -> None:
        async def effect(session: Session) -> None:
            _forget(session, "first_rows", system, lambda kept: kept.version < before_version)

        await self._statement(f"forget rows of {system[1]}", effect)

    async def first_rows(self, system: SystemKey, version: int) -> Sequence[Kept]:
        async def effect(session: Session) -> Sequence[Kept]:
            return [kept for _, kept in _of(session, "first_rows", system) if kept.version == version]

        return await self._statement(f"read first rows of {system[1]}", effect)

    async def save(self, system: SystemKey, before: Tracked, after: Tracked, judged: Sequence[Pane]) -> None:
        state = after.state
        forgets = state.version != before.state.version
        fresh = judged[len(judged) - min(len(judged), len(after.recent)) :]

        async def effect(session: Session) -> None:
            session.write("systems", system, (session.read("systems", system)[0], state))
            if forgets:
                _forget(session, "panes", system, lambda _: True)
            await _append(session, "panes", system, fresh)
            _trim(session, "panes", system, len(after.recent))

        await self._statement(f"save {system[1]}", effect)

    async def keep_reports(self, reports: Sequence[DriftReport]) -> None:
        async def effect(session: Session) -> None:
            for one in reports:
                await _append(session, "reports", (one.tenant, one.system), [one])

        if reports:
            await self._statement(f"keep {len(reports)} reports", effect)

    def _tracked(self, key: SystemKey) -> Callable[[Session], Awaitable[Tracked]]:
        async def effect(session: Session) -> Tracked:
            revisions, state = session.read("systems", key)
            panes = PANES_KEPT if state.calibration else state.panes
            recent = [pane for _, pane in _of(session, "panes", key)][-panes:] if panes else []
            known = self._known(session, key, state.version)
            return Tracked(state, tuple(recent), known, revisions)

        return effect

    def _known(self, session: Session, key: SystemKey, version: int) -> Known:
        numbers = sorted(one[2] for one in session.table("drift_references") if one[:2] == key and one[2] >= version)
        found = [self._reference(session, (*key, number)) for number in numbers]
        plans = {reference.version: plan for reference, plan in found if plan is not None}
        return Known(tuple(reference for reference, _ in found), plans)

    def _reference(self, session: Session, key: tuple[str, str, int]) -> tuple[DriftReference, Plan | None]:
        return self.plans.get(key) or self.plans.put(session.read("drift_references", key))

    async def _statement(self, what: str, effect: Callable[[Session], Awaitable[Result]]) -> Result:
        return await self.transaction.statement(what, effect)


@dataclass(frozen=True, slots=True)
class MemoryChains:
    transaction: MemoryTransaction

    async def lock_heads(self, tenants: Collection[str]) -> Mapping[str, Head]:
        ordered = sorted(tenants)

        async def opened(session: Session) -> None:
            for tenant in ordered:
                await insert_new(session, "heads", tenant, Head(tenant))

        async def locked(session: Session) -> Mapping[str, Head]:
            for tenant in ordered:
                await session.lock("heads", tenant)
            return {tenant: session.read("heads", tenant) for tenant in ordered}

        await self.transaction.statement(f"open {len(ordered)} chains", opened)
        return await self.transaction.statement(f"lock {len(ordered)} chains", locked)

    async def append(self, links: Sequence[Link]) -> None:
        async def copied(session: Session) -> None:
            for link in links:
                await insert(session, "links", (link.tenant, link.sequence), link)
                await insert(session, "previous_hashes", (link.tenant, link.previous_hash), link.sequence)

        async def moved(session: Session) -> None:
            for tenant, head in {link.tenant: link.head for link in links}.items():
                await session.lock("heads", tenant)
                session.write("heads", tenant, head)

        await self.transaction.statement(f"append {len(links)} links", copied)
        await self.transaction.statement("move heads", moved)


def _of(session: Session, table: str, system: SystemKey) -> list[tuple[int, Any]]:
    """Numbered rows of a system, the oldest first."""
    return sorted((key[2], row) for key, row in session.table(table).items() if key[:2] == system)


async def _append(session: Session, table: str, system: SystemKey, rows: Sequence[Any]) -> None:
    last = max((number for number, _ in _of(session, table, system)), default=0)
    for number, row in enumerate(rows, last + 1):
        await insert(session, table, (*system, number), row)


def _forget(session: Session, table: str, system: SystemKey, is_over: Callable[[Any], bool]) -> None:
    for number, row in _of(session, table, system):
        if is_over(row):
            session.write(table, (*system, number), DELETED)


def _trim(session: Session, table: str, system: SystemKey, rows_max: int) -> None:
    rows = _of(session, table, system)
    for number, _ in rows[: max(0, len(rows) - rows_max)]:
        session.write(table, (*system, number), DELETED)
