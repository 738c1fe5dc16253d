"""The decision inside the agent's process: the contract's rule, and what an old lease takes away from it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from flyball.schemas.autonomy import ActionDecided, ActionRequested, LevelSet
from flyball.schemas.permission import L0, Permission, decision, permission
from flyball.sdk.lease import ALONE_SECONDS_MAX, HIGH_RISK_SECONDS_MAX

Controls = Mapping[str, LevelSet]
NONE: Controls = {}


@dataclass(frozen=True, slots=True)
class Known:
    """What this process knows of one system and its parent, and how old the oldest lease it rests on is."""

    controls: Controls
    parent: Controls | None
    lease_seconds: float


def decide(request: ActionRequested, known: Known) -> Permission:
    """The verdict; microseconds, and nothing but arithmetic."""
    return leased(request, permission(request, known.controls, known.parent), known.lease_seconds)


def leased(request: ActionRequested, given: Permission, lease_seconds: float) -> Permission:
    """Without a fresh lease an agent may do less, whatever its level."""
    if given.verdict != "allow" or lease_seconds <= HIGH_RISK_SECONDS_MAX:
        return given
    is_harmless = not request.write and not given.risks
    if is_harmless:
        return given
    if lease_seconds > ALONE_SECONDS_MAX:
        reason = f"no sign of the controller for more than {ALONE_SECONDS_MAX:.0f} s: L0"
        return replace(given, verdict="require_approval", rule="lease", reason=reason, level=L0)
    reason = f"no sign of the controller for more than {HIGH_RISK_SECONDS_MAX:.0f} s: high risk needs approval"
    return replace(given, verdict="require_approval", rule="lease", reason=reason)


def decided(request: ActionRequested, given: Permission, known: Known, now: datetime) -> ActionDecided:
    """The record of a decision made here, with all that the controller needs to make it again."""
    control = known.controls.get(request.action_class)
    made = decision(
        request,
        given,
        permission(request, known.controls, known.parent, levels_up=1),
        policy_version=control.policy_version if control else 0,
        decided_by="sdk",
        decided_at=now,
    )
    return made.model_copy(update={"request": request})
