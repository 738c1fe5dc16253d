"""One whole pane: what it adds to the evidence, and what follows for each feature."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from drift_detector.domain.effects import PANES_KEPT, window_sizes, windows
from drift_detector.domain.facts import Fact, facts_of, is_loud, report_of
from drift_detector.domain.finding import Finding, Occasion
from drift_detector.domain.judge import Evidence, is_news, is_suspect, judged, recovered
from drift_detector.domain.plan import Plan
from drift_detector.domain.policy import log_line
from drift_detector.domain.state import Calibration, DetectorState, FeatureState, Pane, stacked
from drift_detector.domain.watch import (
    Detectors,
    Standing,
    Strength,
    detectors_of,
    dispersions,
    forgotten,
    nothing_seen,
    seen,
    strengths,
)
from flyball.schemas.drift import DriftPolicy, DriftReport

NOTHING = Strength(float("-inf"), "values", 0)


@dataclass(frozen=True, slots=True)
class Judging:
    """A system on one version of its reference, with its last panes, the newest last."""

    state: DetectorState
    plan: Plan
    recent: tuple[Pane, ...]

    @property
    def detectors(self) -> Detectors | None:
        calibration = self.state.calibration
        return detectors_of(self.plan, tuple(calibration.dispersions.tolist())) if calibration else None


def folded(judging: Judging, pane: Pane, occasion: Occasion) -> tuple[Judging, tuple[Fact, ...]]:
    """Judge one pane. Until there are enough to measure the dependence of rows, panes are only gathered."""
    state = replace(judging.state, panes=judging.state.panes + 1)
    recent = (*judging.recent, pane)
    policy = occasion.rules.policy
    if state.calibration is not None:
        detectors = detectors_of(judging.plan, tuple(state.calibration.dispersions.tolist()))
        standing = seen(state.calibration.standing, detectors, pane.cells)
        state = replace(state, calibration=replace(state.calibration, standing=standing))
    elif len(recent) >= policy.calibration_panes:
        state = replace(state, calibration=_calibrated(judging.plan, recent))
    else:
        return replace(judging, state=state, recent=recent), ()
    watched = judging.state.calibration is not None
    judging = replace(judging, state=state, recent=recent[-PANES_KEPT:])
    after, facts = _judged(judging, replace(occasion, panes=state.panes))
    return after, facts if watched else (*facts, *_begun(after, facts, replace(occasion, panes=state.panes)))


def closed(judging: Judging, occasion: Occasion, reason: str) -> tuple[DetectorState, tuple[Fact, ...]]:
    """End every episode: what it was about is no longer what live data are compared with."""
    features, facts = dict(judging.state.features), tuple[Fact, ...]()
    for number, section in enumerate(judging.plan.layout.sections):
        before = judging.state.feature(section.key)
        if before.state in ("drift", "suspect"):
            after = recovered(before)
            finding = finding_of(judging, number, before, after, NOTHING, occasion.rules.policy, reason)
            facts += facts_of(replace(finding, by_evidence=False), occasion)
            features[section.key] = replace(after, alerted_at=None)
    return replace(judging.state, features=features), facts


def finding_of(
    judging: Judging,
    number: int,
    before: FeatureState,
    after: FeatureState,
    strength: Strength,
    policy: DriftPolicy,
    reason: str = "",
) -> Finding:
    section = judging.plan.layout.sections[number]
    recent = judging.recent[-PANES_KEPT:]
    calibration = judging.state.calibration
    evidence = Evidence(
        log_statistic=strength.log_statistic,
        log_line=log_line(policy, judging.plan.streams),
        reference=section.reference,
        windows=windows(section, stacked(recent)) if recent else (),
    )
    return Finding(
        section=section,
        before=before,
        after=after,
        evidence=evidence,
        stream=strength.stream,
        dispersion=float(calibration.dispersions[number]) if calibration else section.reference.dispersion,
        sizes=window_sizes(len(recent)),
        reason=reason or _reason(after, strength, evidence, policy),
    )


def _calibrated(plan: Plan, panes: tuple[Pane, ...]) -> Calibration:
    """Measure the dependence of rows, then look at the same panes again with it."""
    measured = dispersions(plan, stacked(panes))
    detectors = detectors_of(plan, tuple(measured.tolist()))
    standing: Standing = nothing_seen(detectors)
    for pane in panes:
        standing = seen(standing, detectors, pane.cells)
    return Calibration(dispersions=measured, standing=standing)


def _judged(judging: Judging, occasion: Occasion) -> tuple[Judging, tuple[Fact, ...]]:
    detectors, calibration = judging.detectors, judging.state.calibration
    if detectors is None or calibration is None:
        return judging, ()
    facts = tuple[Fact, ...]()
    standing, features = calibration.standing, dict(judging.state.features)
    for number, strength in enumerate(strengths(standing, detectors)):
        key = judging.plan.layout.sections[number].key
        before = judging.state.feature(key)
        after, told = _judge_one(judging, number, before, strength, occasion)
        facts += told
        if after != before:
            features[key] = after
        if after.state == "recovered" != before.state:
            standing = forgotten(standing, detectors, number)
    state = replace(judging.state, features=features, calibration=replace(calibration, standing=standing))
    return replace(judging, state=state), facts


def _begun(judging: Judging, facts: tuple[Fact, ...], occasion: Occasion) -> Iterator[DriftReport]:
    """That a feature is watched is news, once, even if nothing else is."""
    told = {(fact.type, fact.feature) for fact in facts if isinstance(fact, DriftReport)}
    calibration, detectors = judging.state.calibration, judging.detectors
    if calibration is None or detectors is None:
        return
    for number, strength in enumerate(strengths(calibration.standing, detectors)):
        section = judging.plan.layout.sections[number]
        if (section.reference.type, section.name) not in told:
            known = judging.state.feature(section.key)
            reason = f"watched from here on: {judging.state.panes} panes have shown how rows depend on one another"
            finding = finding_of(judging, number, known, known, strength, occasion.rules.policy, reason)
            yield report_of(finding, occasion)


def _judge_one(
    judging: Judging, number: int, before: FeatureState, strength: Strength, occasion: Occasion
) -> tuple[FeatureState, tuple[Fact, ...]]:
    policy = occasion.rules.policy
    line = log_line(policy, judging.plan.streams)
    if before.state in ("ok", "recovered") and not is_suspect(strength.log_statistic, line, policy):
        return before, ()
    finding = finding_of(judging, number, before, before, strength, policy, reason="-")
    changed_at = _changed_at(judging.recent, strength, policy)
    after = judged(before, finding.evidence, policy, occasion.pane_start, changed_at)
    if not is_news(before, after):
        return after, ()
    if after.state == "drift" and after.alerted_at is None and is_loud(after.severity):
        after = replace(after, alerted_at=occasion.now)
    reason = _reason(after, strength, finding.evidence, policy)
    facts = facts_of(replace(finding, after=after, reason=reason), occasion)
    return after if after.state == "drift" else replace(after, alerted_at=None), facts


def _changed_at(recent: tuple[Pane, ...], strength: Strength, policy: DriftPolicy) -> datetime:
    """Start of the first pane of the strongest bet's longest run."""
    ago = max(strength.panes_since, 1)
    if ago <= len(recent):
        return recent[-ago].start
    return recent[0].start - timedelta(seconds=policy.pane_seconds) * (ago - len(recent))


def _reason(after: FeatureState, strength: Strength, evidence: Evidence, policy: DriftPolicy) -> str:
    if after.state == "recovered":
        return f"stability index below {policy.recovery_psi:g} for {policy.recovery_panes} panes"
    reached = {"drift": "reached its line", "suspect": "came near its line"}.get(after.state, "fell away from its line")
    logs = f"log evidence {strength.log_statistic:.1f} of {strength.stream} {reached} {evidence.log_line:.1f}"
    return logs if after.state != "drift" else f"{logs}; severity {after.severity}"
