"""Promotion: proposed on evidence, signed by people. A gate that cannot be judged yet says so; it is never open."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from autonomy_controller.domain.state import ClassState, Standing
from flyball.schemas.budgets import GREEN, VELOCITY
from flyball.stats.proportions import clopper_pearson_upper

Holds = Literal["yes", "no", "insufficient_evidence"]
CONFIDENCE = 0.975
"""Each side of a two-sided 95 % interval."""
SHADOW_SHARE_MAX = {0: 0.40, 1: 0.15, 2: 0.07, 3: 0.03}
ACTIVE_DAYS_MIN = {0: 30, 1: 60, 2: 90, 3: 90}
SIGNATURES = {0: 1, 1: 1, 2: 2, 3: 2}
TOP = 4


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of one epoch since it has its level."""

    level: int
    decisions: int
    shadow_stopped: int
    """Decisions for which the next level would have asked a person."""
    active_days: int


@dataclass(frozen=True, slots=True)
class Gate:
    """``missing`` says what would open it."""

    name: str
    holds: Holds
    value: str
    missing: str = ""


def gates(evidence: Evidence, state: ClassState, standing: Standing) -> list[Gate]:
    """Every gate of the step up from the present level, in the order in which people read them."""
    not_yet = "not available yet: outcomes of audits are not estimated"
    budget_green = standing.worst in (GREEN, VELOCITY)
    return [
        _shadow(evidence),
        Gate("error_rate", "insufficient_evidence", "unknown", not_yet),
        Gate("calibration", "insufficient_evidence", "unknown", not_yet),
        _days(evidence),
        Gate("budget_green", _of(budget_green), standing.worst, "" if budget_green else "a green budget"),
        Gate("no_open_incident", "insufficient_evidence", "unknown", "not available yet: incidents are not read"),
        Gate("no_open_drift", _of(not standing.episodes), f"{len(standing.episodes)} open episodes"),
        Gate("not_stopped", _of(not (state.control.killed or state.control.latched)), state.control.reason),
        Gate("oversight_effective", "insufficient_evidence", "unknown", "not available yet: no planted items"),
    ]


def all_hold(judged: Sequence[Gate]) -> bool:
    return all(gate.holds == "yes" for gate in judged)


def evidence_of(level: int, decisions: Sequence[tuple[datetime, bool]]) -> Evidence:
    """From (time, would the next level have asked a person?) of each decision of the epoch in its level."""
    days = {at.date() for at, _ in decisions}
    return Evidence(level, len(decisions), sum(stopped for _, stopped in decisions), len(days))


def _shadow(evidence: Evidence) -> Gate:
    limit = SHADOW_SHARE_MAX[evidence.level]
    if evidence.decisions == 0:
        return Gate("shadow_share", "insufficient_evidence", "no decisions", "decisions in this level")
    n, k = evidence.decisions, evidence.shadow_stopped
    upper = clopper_pearson_upper(k, n, CONFIDENCE)
    value = f"{k} of {n}, at most {upper:.1%} (limit {limit:.0%})"
    return Gate("shadow_share", _of(upper <= limit), value, "" if upper <= limit else "more, or calmer, decisions")


def _days(evidence: Evidence) -> Gate:
    needed = ACTIVE_DAYS_MIN[evidence.level]
    left = max(needed - evidence.active_days, 0)
    value = f"{evidence.active_days} of {needed}"
    return Gate("active_days", "insufficient_evidence" if left else "yes", value, f"{left} more active days")


def _of(holds: bool) -> Holds:  # noqa: FBT001 - one truth value is all there is to it
    return "yes" if holds else "no"
