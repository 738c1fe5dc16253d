"""How a system stands, for people: each feature's state, evidence, effects and counts beside its reference."""

from datetime import UTC, datetime
from typing import Any

from drift_detector.domain.effects import PANES_KEPT, rank, stability
from drift_detector.domain.facts import from_log, report_of
from drift_detector.domain.finding import Occasion
from drift_detector.domain.fold import NOTHING, Judging, finding_of
from drift_detector.domain.plan import Plan
from drift_detector.domain.policy import Rules, log_line
from drift_detector.domain.state import DetectorState, Pane, stacked
from drift_detector.domain.watch import strengths
from flyball.schemas.drift import DriftReference, DriftSeverity

HEAT_PANES = 4
"""Panes of one cell of the heat map."""
NEVER = datetime.min.replace(tzinfo=UTC)


def overview(tenant: str, system: str, state: DetectorState) -> dict[str, Any]:
    """One line of a list: the worst of its open episodes."""
    open_episodes = [one for one in state.features.values() if one.state == "drift"]
    worst: DriftSeverity = max((one.severity for one in open_episodes), key=rank, default="none")
    suspects = sum(one.state == "suspect" for one in state.features.values())
    return {
        "tenant": tenant,
        "system": system,
        "reference_version": state.version,
        "severity": worst,
        "episodes": len(open_episodes),
        "suspects": suspects,
        "panes": state.panes,
        "learned_rows": state.learned_rows,
        "is_calibrated": state.calibration is not None,
        "as_of": state.watermark.isoformat() if state.watermark else None,
    }


def detail(
    tenant: str,
    system: str,
    state: DetectorState,
    recent: tuple[Pane, ...],
    reference: DriftReference | None,
    plan: Plan | None,
    rules: Rules,
) -> dict[str, Any]:
    """All of one system, however far it is: learning, calibrating or watched."""
    policy = rules.policy
    return {
        **overview(tenant, system, state),
        "rows": state.rows,
        "unreferenced_rows": state.unreferenced_rows,
        "reference": _head(reference),
        "policy": policy.model_dump(mode="json"),
        "policy_version": rules.version,
        "streams": plan.streams if plan else 0,
        "line": from_log(log_line(policy, plan.streams)) if plan else None,
        "features": _features(tenant, system, Judging(state, plan, recent), rules) if plan else [],
        "heat": heat(plan, recent) if plan else {"starts": [], "features": {}},
    }


def heat(plan: Plan, recent: tuple[Pane, ...]) -> dict[str, Any]:
    """Stability index of every four panes, the oldest first; None with too few rows to say."""
    kept = recent[-PANES_KEPT:]
    blocks = [kept[at : at + HEAT_PANES] for at in range(0, len(kept), HEAT_PANES)]
    summed = [stacked(block).sum(axis=0) for block in blocks]
    return {
        "starts": [block[0].start.isoformat() for block in blocks],
        "features": {
            section.key: [
                found.value if (found := stability(section.reference, cells[section.start : section.stop])) else None
                for cells in summed
            ]
            for section in plan.layout.sections
        },
    }


def _features(tenant: str, system: str, judging: Judging, rules: Rules) -> list[dict[str, Any]]:
    calibration, detectors = judging.state.calibration, judging.detectors
    sections = judging.plan.layout.sections
    found = strengths(calibration.standing, detectors) if calibration and detectors else [NOTHING] * len(sections)
    occasion = Occasion(
        tenant=tenant,
        system=system,
        reference_version=judging.state.version,
        rules=rules,
        pane_start=judging.recent[-1].start if judging.recent else NEVER,
        now=judging.state.watermark or NEVER,
        panes=judging.state.panes,
    )
    items = []
    for number, section in enumerate(sections):
        known = judging.state.feature(section.key)
        finding = finding_of(judging, number, known, known, found[number], rules.policy)
        shown = report_of(finding, occasion).model_dump(mode="json")
        opened_at = known.opened_at.isoformat() if known.opened_at else None
        items.append(shown | {"opened_at": opened_at, "reference": section.reference.model_dump(mode="json")})
    return items


def _head(reference: DriftReference | None) -> dict[str, Any] | None:
    if reference is None:
        return None
    head: dict[str, Any] = reference.model_dump(mode="json", exclude={"features", "indicators"})
    return head | {"features": len(reference.features), "indicators": len(reference.indicators)}
