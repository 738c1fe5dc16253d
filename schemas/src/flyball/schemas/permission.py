"""May this agent do this alone, now? One rule, a part of the contract, for the controller and for every SDK.

It is pure and quick (tens of microseconds). Its order is fixed: class -> deny rules -> kill switch -> level. So
a person is never asked for what a later rule would refuse anyway.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Literal

from flyball.schemas.autonomy import ActionDecided, ActionRequested, LevelSet, Verdict
from flyball.schemas.guardrails import SYSTEM_WIDE

CONFIDENCE_MIN = 0.75
LEVEL_MAX = 4
REASON_CHARACTERS_MAX = 256
L0, L1, L2, L3, L4 = range(5)
Controls = Mapping[str, LevelSet]
"""What holds for one system, by action class."""


@dataclass(frozen=True, slots=True)
class Permission:
    """The verdict with the rule that gave it, the level it was given at, and why the action is high risk, if it is."""

    verdict: Verdict
    rule: str
    reason: str
    level: int
    risks: tuple[str, ...]


def permission(
    request: ActionRequested, controls: Controls, parent: Controls | None = None, *, levels_up: int = 0
) -> Permission:
    """The verdict on ``request`` where ``controls`` hold, and ``parent``'s for a sub-agent.

    ``levels_up=1`` gives the shadow decision: what the next level would have done.
    """
    control = controls.get(request.action_class)
    risks = risks_of(request, control)
    refused = _refusal(request, control, controls) or _stopped(request, controls, parent or {})
    if refused is not None:
        return Permission("deny", *refused, L0, risks)
    level = level_of(request, control, levels_up=levels_up)
    if request.parent_system is not None:
        level = min(level, level_of(request, (parent or {}).get(request.action_class), by_newest=True))
    verdict, rule, reason = at_level(level, risks, control.anomalies if control else ())
    return Permission(verdict, rule, reason, level, risks)


def decision(
    request: ActionRequested,
    given: Permission,
    shadow: Permission,
    *,
    policy_version: int,
    decided_by: Literal["controller", "sdk"],
    decided_at: datetime,
) -> ActionDecided:
    """The record of a verdict. ``shadow`` is what the next level would have given."""
    return ActionDecided(
        kind="decided",
        action_id=request.action_id,
        tenant=request.tenant,
        system=request.system,
        action_class=request.action_class,
        evidence_epoch=request.epoch,
        verdict=given.verdict,
        rule=given.rule,
        reason=given.reason,
        risks=given.risks,
        level=given.level,
        digest=request.digest,
        policy_version=policy_version,
        next_level_verdict=shadow.verdict,
        decided_by=decided_by,
        decided_at=decided_at,
    )


def risks_of(request: ActionRequested, control: LevelSet | None) -> tuple[str, ...]:
    """Why the action is high risk; empty where it is not."""
    limit = control.cost_micro_usd_max if control else None
    named = control.high_risk_operations if control else ()
    found = {
        "write": request.write,
        "cost_over_limit": request.cost_micro_usd is not None and limit is not None and request.cost_micro_usd > limit,
        "low_confidence": request.confidence is None or request.confidence < CONFIDENCE_MIN,
        "sensitive": request.sensitive,
        "named": any(fnmatchcase(request.operation, pattern) for pattern in named),
        "unreadable_arguments": not request.arguments_readable,
    }
    return tuple(risk for risk, there in found.items() if there)


def level_of(request: ActionRequested, control: LevelSet | None, *, by_newest: bool = False, levels_up: int = 0) -> int:
    """The level of the request's epoch. An epoch that nobody has seen yet inherits from the newest one.

    ``by_newest``: of a parent, whose epoch the request does not name. ``levels_up``: had it been promoted; what holds
    every level down, an undeclared operation, a latch or drift, holds that one down too.
    """
    if control is None or not covers(control.operations, request.operation):
        return L0
    found = next((known for known in control.levels if known.evidence_epoch == request.epoch), None)
    if by_newest and control.levels:
        found = control.levels[0]
    level = found.level if found else inherited_level(control, request.release)
    return L0 if control.latched else min(level + levels_up, LEVEL_MAX, control.level_max)


def inherited_level(control: LevelSet, release: str) -> int:
    """A new major version starts at L1 at most; a minor or a patch keeps the level; the first starts as declared."""
    if not control.levels:
        return control.starting_level
    newest = control.levels[0]
    same = _major(newest.release) is not None and _major(newest.release) == _major(release)
    return newest.level if same else min(newest.level, L1)


def at_level(level: int, risks: Sequence[str], anomalies: Sequence[str]) -> tuple[Verdict, str, str]:
    """What a level lets run, with rule and reason."""
    rule = f"level_{level}"
    if level == L0:
        return "require_approval", rule, "L0: a person approves every action"
    if level == L1 and risks:
        return "require_approval", rule, f"L1: high risk ({', '.join(risks)}) needs approval"
    if "cost_over_limit" in risks:
        return "require_approval", "cost_limit", f"L{level}: the cost is over the limit of this class"
    if level == L3 and anomalies:
        return (
            "require_approval",
            "anomaly",
            f"L3: {len(anomalies)} open anomalies, the first: {anomalies[0]}"[:REASON_CHARACTERS_MAX],
        )
    if level == L3 and "low_confidence" in risks:
        return "require_approval", "anomaly", f"L3: confidence under {CONFIDENCE_MIN} or unknown"
    return "allow", rule, f"L{level}: runs"


def covers(operations: Sequence[str], operation: str) -> bool:
    return not operations or any(fnmatchcase(operation, pattern) for pattern in operations)


def _refusal(request: ActionRequested, control: LevelSet | None, controls: Controls) -> tuple[str, str] | None:
    """Rule and reason where the action is refused at any level."""
    if control is None or not names_operation(control, request.operation):
        for name, other in sorted(controls.items()):
            if name != request.action_class and names_operation(other, request.operation):
                return "wrong_class", f"{request.operation} belongs to the class {name}, not {request.action_class}"[
                    :256
                ]
    for rule in control.deny_rules if control else ():
        if rule.matches(request.operation, request.target, request.parameters):
            return "deny_rule", f"the rule {rule.name} refuses it"
    return None


def _stopped(request: ActionRequested, controls: Controls, parent: Controls) -> tuple[str, str] | None:
    """Rule and reason where somebody has thrown the kill switch: of the class, the system, or the parent."""
    for there in (controls, parent):
        for control in (there.get(request.action_class), there.get(SYSTEM_WIDE)):
            if control is not None and control.killed:
                return "killed", f"the kill switch of {control.system} is on: {control.reason}"[:REASON_CHARACTERS_MAX]
    return None


def names_operation(control: LevelSet, operation: str) -> bool:
    """Is the operation one that this class names? A class that names none has what no other does."""
    return bool(control.operations) and covers(control.operations, operation)


def _major(release: str) -> int | None:
    """The major version of a semantic version; None where the release is not one."""
    head = release.removeprefix("v").partition(".")[0]
    return int(head) if head.isdecimal() and len(head) <= 9 else None  # noqa: PLR2004 - more digits are no version
