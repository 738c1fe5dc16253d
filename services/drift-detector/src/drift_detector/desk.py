"""What people may ask for: another reference, learning anew, the end of an episode. Each in one transaction."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Generic

from drift_detector.domain.decide import announced
from drift_detector.domain.facts import Fact, facts_of
from drift_detector.domain.finding import Occasion
from drift_detector.domain.fold import NOTHING, Judging, finding_of
from drift_detector.domain.judge import recovered
from drift_detector.domain.learn import effective_at
from drift_detector.domain.policy import rules_at
from drift_detector.domain.watch import forgotten
from drift_detector.messages import message_of
from drift_detector.ports import SystemKey, Systems, Tracked
from drift_detector.requests import Acknowledgement, Approval, Rebasing
from flyball.schemas.drift import DriftReference, DriftReport
from flyball.store.ports import Database, Tx

REFERENCE_BYTES_MAX = 524_288
"""So that counts on it fit into a summary."""


class RefusedError(Exception):
    """What was asked for cannot be done as things stand."""


@dataclass(frozen=True, slots=True)
class Desk(Generic[Tx]):
    database: Database[Tx]
    systems: Callable[[Tx], Systems]
    clock: Callable[[], datetime]

    async def approve(self, asked: Approval) -> DriftReference:
        """The next version of a reference, as somebody made it from a file."""
        return await self._announce(asked)

    async def rebase(self, asked: Rebasing) -> DriftReference:
        """The next version: learn anew from the first rows."""
        learning = Approval(
            tenant=asked.tenant, system=asked.system, actor=asked.actor, rows=0, source="re-based: " + asked.reason
        )
        return await self._announce(learning)

    async def acknowledge(self, asked: Acknowledgement) -> DriftReport:
        """End an episode by a person's word. Raises ``RefusedError`` where none is open."""
        key, now = (asked.tenant, asked.system), self.clock()
        async with self.database.transaction() as transaction:
            systems = self.systems(transaction)
            before = (await systems.lock([key]))[key]
            after, facts = _acknowledged(before, asked, now)
            await systems.save(key, before, after, ())
            reports = [told for told in facts if isinstance(told, DriftReport)]
            await systems.keep_reports(reports)
            await transaction.enqueue([message_of(told, now) for told in facts])
        return reports[0]

    async def _announce(self, asked: Approval) -> DriftReference:
        key, now = (asked.tenant, asked.system), self.clock()
        async with self.database.transaction() as transaction:
            systems = self.systems(transaction)
            reference = _next(key, (await systems.lock([key]))[key], asked, now)
            await systems.keep_reference(reference)
            facts: tuple[Fact, ...] = announced(reference)
            await transaction.enqueue([message_of(told, now) for told in facts])
        return reference


def _next(key: SystemKey, tracked: Tracked, asked: Approval, now: datetime) -> DriftReference:
    before = tracked.known.newest
    reference = DriftReference(
        tenant=key[0],
        system=key[1],
        version=before.version + 1 if before else 1,
        effective_at=effective_at(now, before.effective_at if before else None),
        release=asked.release,
        rows=asked.rows,
        features=asked.features,
        source=asked.source,
        author=asked.actor,
        created_at=now,
    )
    if len(reference.model_dump_json()) > REFERENCE_BYTES_MAX:
        raise RefusedError(
            f"the reference has more than {REFERENCE_BYTES_MAX} bytes; leave out features with very many values"
        )
    return reference


def _acknowledged(before: Tracked, asked: Acknowledgement, now: datetime) -> tuple[Tracked, tuple[Fact, ...]]:
    state, key = before.state, f"{asked.type}/{asked.feature}"
    plan = before.known.plans.get(state.version)
    known = state.feature(key)
    if plan is None or known.state != "drift" or state.calibration is None:
        raise RefusedError(f"{key} of {asked.system} has no open episode; see GET /v1/drift/{asked.system}")
    number = [section.key for section in plan.layout.sections].index(key)
    rules = rules_at(before.revisions, now)
    judging = Judging(state, plan, before.recent)
    finding = finding_of(
        judging, number, known, recovered(known), NOTHING, rules.policy, f"acknowledged: {asked.reason}"
    )
    occasion = Occasion(
        tenant=asked.tenant,
        system=asked.system,
        reference_version=state.version,
        rules=rules,
        pane_start=before.recent[-1].start if before.recent else now,
        now=now,
        panes=state.panes,
        actor=asked.actor,
    )
    facts = facts_of(replace(finding, by_evidence=False), occasion)
    detectors = judging.detectors
    standing = state.calibration.standing
    if detectors is not None:
        standing = forgotten(standing, detectors, number)
    after = replace(
        state,
        features={**state.features, key: replace(finding.after, alerted_at=None)},
        calibration=replace(state.calibration, standing=standing),
    )
    return replace(before, state=after), facts
