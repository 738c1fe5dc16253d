"""What follows from a change of a feature's latch: a report, an alert, a request to retrain, a record."""

import math
from collections.abc import Mapping
from typing import Literal

from drift_detector.domain.audit import feature_record
from drift_detector.domain.effects import effect, rank
from drift_detector.domain.finding import Finding, Occasion
from drift_detector.domain.judge import worsened
from drift_detector.domain.layout import (
    NEW,
    NULLS,
    OUT_OF_RANGE,
    TAIL,
    UNPARSABLE,
    Section,
    categories_of,
)
from drift_detector.domain.state import FeatureState
from flyball.schemas.alerts import FIRING, RESOLVED, Alert
from flyball.schemas.audit import AuditRecord
from flyball.schemas.drift import (
    CategoricalReference,
    DriftEvidence,
    DriftReference,
    DriftReport,
    DriftSeverity,
    FeatureReference,
    LiveCounts,
    NumericReference,
    RateReference,
    RetrainingRequested,
)
from flyball.stats.neyman_scores import IntArray

RULE = "drift.feature"
STATISTIC_MAX = 1e300
ALERT_SEVERITIES: Mapping[DriftSeverity, int] = {"medium": 2, "high": 1, "critical": 1}
"""Critical drift demotes at once; people have an hour to find out why."""
PRIORITIES: Mapping[DriftSeverity, Literal["normal", "high", "urgent"]] = {
    "medium": "normal",
    "high": "high",
    "critical": "urgent",
}
PERCENT = 100

Fact = DriftReport | Alert | RetrainingRequested | AuditRecord | DriftReference


def facts_of(finding: Finding, occasion: Occasion) -> tuple[Fact, ...]:
    """The report of a change, and what it calls for: ``alerted_at`` of the latch has been set for it before."""
    report = report_of(finding, occasion)
    facts: list[Fact] = [report]
    rose = worsened(finding.before, finding.after)
    if rose and finding.after.severity in PRIORITIES:
        facts += [_alert(finding, occasion, FIRING), _retraining(finding, occasion)]
    if finding.after.state != "drift" and finding.before.alerted_at is not None:
        facts.append(_alert(finding, occasion, RESOLVED))
    if rose or (finding.before.state == "drift" and finding.after.state != "drift"):
        facts.append(feature_record(finding, occasion, report.episode))
    return tuple(facts)


def report_of(finding: Finding, occasion: Occasion) -> DriftReport:
    section, after, evidence = finding.section, finding.after, finding.evidence
    windows = list(zip(finding.sizes, evidence.windows, strict=True))
    effects = tuple(effect(section.reference, window, panes) for panes, window in windows)
    return DriftReport(
        tenant=occasion.tenant,
        system=occasion.system,
        feature=section.name,
        type=section.reference.type,
        episode=episode_of(section, after),
        state=after.state,
        severity=after.severity,
        evidence=DriftEvidence(
            statistic=from_log(evidence.log_statistic),
            threshold=from_log(evidence.log_line),
            panes=occasion.panes,
            dispersion=finding.dispersion,
            stream=finding.stream,
        ),
        effects=effects,
        live=live_counts(section.reference, windows[-1][1], windows[-1][0]) if windows else None,
        performance_loss=_loss(section.reference, [one.excess_lower for one in effects]),
        changed_at=after.changed_at,
        pane_start=occasion.pane_start,
        reason=finding.reason[:512],
        reference_version=occasion.reference_version,
        policy_version=occasion.rules.version,
    )


def live_counts(reference: FeatureReference, window: IntArray, panes: int) -> LiveCounts:
    """Rows of a window, (bins + tail,), by the names that the reference has."""
    bins, tail = window[:-TAIL].tolist(), window[-TAIL:].tolist()
    categories = (
        dict(zip(categories_of(reference), bins, strict=True)) if isinstance(reference, CategoricalReference) else {}
    )
    return LiveCounts(
        panes=panes,
        rows=sum(bins) + sum(tail[:OUT_OF_RANGE]),
        bins=tuple(bins) if isinstance(reference, NumericReference) else (),
        categories=categories,
        new=tail[NEW],
        nulls=tail[NULLS],
        unparsable=tail[UNPARSABLE],
        out_of_range=tail[OUT_OF_RANGE],
        hits=bins[1] if isinstance(reference, RateReference) else 0,
    )


def episode_of(section: Section, state: FeatureState) -> str:
    return f"{section.key}/{state.episode}"


def from_log(value: float) -> float:
    """A statistic for people and JSON, which have no infinity."""
    return math.exp(value) if value < math.log(STATISTIC_MAX) else STATISTIC_MAX


def _loss(reference: FeatureReference, bounds: list[float | None]) -> float | None:
    """Percentage points by which something bad became more frequent, at least."""
    known = [bound for bound in bounds if bound is not None]
    if not isinstance(reference, RateReference) or not known:
        return None
    return PERCENT * max(known)


def _alert(finding: Finding, occasion: Occasion, status: Literal["firing", "resolved"]) -> Alert:
    section, rules = finding.section, occasion.rules
    firing = status == FIRING
    shown = finding.after if firing else finding.before
    name = f"{section.reference.type} drift of {section.name} in {occasion.system}"
    priority = PRIORITIES.get(shown.severity, "normal")
    return Alert(
        tenant=occasion.tenant,
        system=occasion.system,
        rule=RULE,
        fingerprint=f"{RULE}/{occasion.system}/{section.key}"[:256],
        severity=ALERT_SEVERITIES.get(shown.severity, 2),
        status=status,
        summary=_sayable(f"{name} is {shown.severity}" if firing else f"{name} is over: {finding.reason}", 512),
        observed=_sayable(finding.reason, 256),
        threshold=f"evidence {from_log(finding.evidence.log_line):.3g}, index {rules.policy.medium_psi:g}",
        window=f"{finding.sizes[-1] if finding.sizes else 0} panes of {rules.policy.pane_seconds} s",
        sample_size=int(finding.evidence.windows[-1][:-1].sum()) if finding.evidence.windows else 0,
        owner=rules.owner,
        runbook=None,
        done_already=(f"retraining requested, priority {priority}",) if firing else (),
        labels={
            "feature": _sayable(section.name, 64),
            "type": section.reference.type,
            "episode": _sayable(episode_of(section, shown), 256),
            "severity": shown.severity,
        },
        started_at=shown.alerted_at or occasion.now,
        ended_at=None if firing else occasion.now,
    )


def _sayable(text: str, characters_max: int) -> str:
    return text.replace("\0", "\ufffd")[:characters_max]


def _retraining(finding: Finding, occasion: Occasion) -> RetrainingRequested:
    section, after = finding.section, finding.after
    said = f"{section.reference.type} drift of {section.name} is {after.severity}: {finding.reason}"
    return RetrainingRequested(
        tenant=occasion.tenant,
        system=occasion.system,
        episode=episode_of(section, after),
        priority=PRIORITIES[after.severity],
        reason=said[:512],
        requested_at=occasion.now,
    )


def is_loud(severity: DriftSeverity) -> bool:
    """Must somebody be told?"""
    return rank(severity) >= rank("medium")
