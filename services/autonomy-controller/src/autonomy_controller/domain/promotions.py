"""Promotion: proposed on evidence, signed by people. A gate that cannot be judged yet says so; it is never open."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from autonomy_controller.domain.state import ClassState, Standing
from flyball.schemas.budgets import GREEN, VELOCITY
from flyball.stats.error_gate import PASS_AT, clean_audits_needed, log_stratified_evidence
from flyball.stats.proportions import clopper_pearson_interval, clopper_pearson_upper

Holds = Literal["yes", "no", "insufficient_evidence"]
CONFIDENCE = 0.975
"""Each side of a two-sided 95 % interval."""
SHADOW_SHARE_MAX = {0: 0.40, 1: 0.15, 2: 0.07, 3: 0.03}
ACTIVE_DAYS_MIN = {0: 30, 1: 60, 2: 90, 3: 90}
ERRORS_ABOVE_BASELINE_MAX = {1: 0.02, 2: 0.01, 3: 0.005}
BASELINE_OUTCOMES_MIN = 300
BASELINE_HALF_WIDTH_MAX = 0.02
SIGNATURES = {0: 1, 1: 1, 2: 2, 3: 2}
TOP = 4
Outcomes = tuple[int, int]
"""Errors, and how many were judged."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of one epoch since it has its level."""

    level: int
    decisions: int
    shadow_stopped: int
    """Decisions for which the next level would have asked a person."""
    active_days: int
    judged: Mapping[str, Outcomes]
    """What people found, by the rule that chose the action for them: ``approval`` or a rule of the audit sample."""


@dataclass(frozen=True, slots=True)
class Gate:
    """``missing`` says what would open it."""

    name: str
    holds: Holds
    value: str
    missing: str = ""


def gates(evidence: Evidence, state: ClassState, standing: Standing) -> list[Gate]:
    """Every gate of the step up from the present level, in the order in which people read them."""
    budget_green = standing.worst in (GREEN, VELOCITY)
    stopped = state.control.killed or state.control.latched
    episodes = len(standing.episodes)
    return [
        _shadow(evidence),
        _baseline(evidence) if evidence.level == 0 else _errors(evidence),
        Gate("calibration", "insufficient_evidence", "unknown", "not available yet: calibration is not measured"),
        _days(evidence),
        Gate("budget_green", _of(budget_green), standing.worst, "" if budget_green else "a green budget"),
        Gate("no_open_incident", "insufficient_evidence", "unknown", "not available yet: incidents are not read"),
        Gate("no_open_drift", _of(not episodes), f"{episodes} open", "the end of its episodes" if episodes else ""),
        _feed(standing),
        Gate("not_stopped", _of(not stopped), state.control.reason, "two people who release it" if stopped else ""),
        Gate("oversight_effective", "insufficient_evidence", "unknown", "not available yet: no planted items"),
    ]


def all_hold(judged: Sequence[Gate]) -> bool:
    return all(gate.holds == "yes" for gate in judged)


def evidence_of(level: int, decisions: Sequence[tuple[datetime, bool]], judged: Mapping[str, Outcomes]) -> Evidence:
    """From (time, would the next level have asked a person?) of each decision of the epoch in its level."""
    days = {at.date() for at, _ in decisions}
    return Evidence(level, len(decisions), sum(stopped for _, stopped in decisions), len(days), judged)


def _feed(standing: Standing) -> Gate:
    held = standing.feed_quarantined
    return Gate("feed_trusted", _of(not held), "in quarantine" if held else "trusted", "its release" if held else "")


def _shadow(evidence: Evidence) -> Gate:
    """The share that people would still see one level up must be small for certain."""
    limit = SHADOW_SHARE_MAX[evidence.level]
    if evidence.decisions == 0:
        return Gate("shadow_share", "insufficient_evidence", "no decisions", "decisions in this level")
    upper = clopper_pearson_upper(evidence.shadow_stopped, evidence.decisions, CONFIDENCE)
    value = f"{evidence.shadow_stopped} of {evidence.decisions}, at most {upper:.1%} (limit {limit:.0%})"
    return Gate("shadow_share", _of(upper <= limit), value, "" if upper <= limit else "more, or calmer, decisions")


def _baseline(evidence: Evidence) -> Gate:
    """At L0 people see everything: their refusals are the error rate that later levels are held against."""
    errors, judged = evidence.judged.get("approval", (0, 0))
    if judged < BASELINE_OUTCOMES_MIN:
        left = BASELINE_OUTCOMES_MIN - judged
        return Gate("error_rate", "insufficient_evidence", f"{errors} of {judged}", f"{left} more judged actions")
    lower, upper = clopper_pearson_interval(errors, judged, 0.95)
    half_width = (upper - lower) / 2
    value = f"{errors} of {judged}, known to +-{half_width:.1%} (limit {BASELINE_HALF_WIDTH_MAX:.0%})"
    known = half_width <= BASELINE_HALF_WIDTH_MAX
    return Gate(
        "error_rate", "yes" if known else "insufficient_evidence", value, "" if known else "more judged actions"
    )


def _errors(evidence: Evidence) -> Gate:
    """Audited errors against what is tolerated. Shown as far as it goes: it opens when reviewers are measured, too."""
    strata = [outcomes for rule, outcomes in sorted(evidence.judged.items()) if rule != "approval" and outcomes[1]]
    limit = ERRORS_ABOVE_BASELINE_MAX[evidence.level]
    unmeasured = "not available yet: the share of errors that reviewers catch, and the frozen baseline"
    if not strata:
        needed = clean_audits_needed(limit)
        return Gate("error_rate", "insufficient_evidence", "no audits", f"{needed} clean audits; {unmeasured}")
    evidence_now = math.exp(log_stratified_evidence(strata, limit))
    errors, audited = (sum(column) for column in zip(*strata, strict=True))
    value = f"{errors} of {audited} audited; evidence {evidence_now:.3g} of {PASS_AT:.0f} against {limit:.1%} errors"
    return Gate("error_rate", "insufficient_evidence", value, unmeasured)


def _days(evidence: Evidence) -> Gate:
    needed = ACTIVE_DAYS_MIN[evidence.level]
    left = max(needed - evidence.active_days, 0)
    value = f"{evidence.active_days} of {needed}"
    return Gate(
        "active_days", "insufficient_evidence" if left else "yes", value, f"{left} more active days" if left else ""
    )


def _of(holds: bool) -> Holds:  # noqa: FBT001 - one truth value is all there is to it
    return "yes" if holds else "no"
