"""The latch of one feature: ok -> suspect -> drift -> recovered. What a pane does to it, and nothing else."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from drift_detector.domain.effects import is_calm, rank, severity_of
from drift_detector.domain.state import FeatureState
from flyball.schemas.drift import DriftPolicy, FeatureReference
from flyball.stats.neyman_scores import IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the latch is moved by. ``windows``: cells of the last 1, 4, 16, 64 panes of the feature."""

    log_statistic: float
    log_line: float
    reference: FeatureReference
    windows: Sequence[IntArray]


def judged(
    before: FeatureState, evidence: Evidence, policy: DriftPolicy, pane_start: datetime, changed_at: datetime | None
) -> FeatureState:
    """The latch after one pane.

    A drift stays one, however quiet it becomes, until its effect has been calm for ``recovery_panes``; its severity is
    the worst so far. What is not a drift follows the evidence.
    """
    if before.state == "drift":
        return _latched(before, evidence, policy)
    if evidence.log_statistic >= evidence.log_line:
        opened = _opened(before, pane_start)
        severity = severity_of(evidence.reference, evidence.windows, policy)
        return replace(opened, state="drift", severity=severity, changed_at=changed_at, calm_panes=0)
    if is_suspect(evidence.log_statistic, evidence.log_line, policy):
        return replace(_opened(before, pane_start), state="suspect", severity="none", changed_at=changed_at)
    if before.state == "suspect":
        return replace(before, state="ok", severity="none", changed_at=None)
    return before


def is_suspect(log_statistic: float, log_line: float, policy: DriftPolicy) -> bool:
    return log_statistic >= log_line + math.log(policy.suspect_share)


def recovered(before: FeatureState) -> FeatureState:
    """The episode is over: it was calm, or a person said so."""
    return replace(before, state="recovered", severity="none", calm_panes=0, changed_at=None)


def is_news(before: FeatureState, after: FeatureState) -> bool:
    return (before.state, before.severity) != (after.state, after.severity)


def worsened(before: FeatureState, after: FeatureState) -> bool:
    """Is this drift, now of a severity that it did not have?"""
    known = before.severity if before.state == "drift" else "none"
    return after.state == "drift" and rank(after.severity) > rank(known)


def _latched(before: FeatureState, evidence: Evidence, policy: DriftPolicy) -> FeatureState:
    severity = max(before.severity, severity_of(evidence.reference, evidence.windows, policy), key=rank)
    calm = before.calm_panes + 1 if is_calm(evidence.reference, evidence.windows, policy) else 0
    if calm >= policy.recovery_panes:
        return recovered(before)
    return replace(before, severity=severity, calm_panes=calm)


def _opened(before: FeatureState, pane_start: datetime) -> FeatureState:
    """Suspicion and drift belong to one episode."""
    if before.state == "suspect":
        return before
    return replace(before, episode=before.episode + 1, opened_at=pane_start)
