"""One action: decided once, started at most once, ended exactly once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from autonomy_controller.domain.reviews import review_id_of
from autonomy_controller.domain.sampling import Salt, sample
from autonomy_controller.domain.state import Action, ClassState
from flyball.schemas.autonomy import ActionDecided, ActionRequested, End, Verdict
from flyball.schemas.guardrails import ActionClassSpec
from flyball.schemas.permission import Permission, decision, permission

StartRefusal = Literal["not_found", "pending", "expired", "cancelled", "consumed", "digest_mismatch", "policy_mismatch"]
Classes = Mapping[str, ClassState]
DEADLINE_MAX = timedelta(days=1)
REFUSAL_BY_STATE: Mapping[str, StartRefusal] = {
    "waiting": "pending",
    "expired": "expired",
    "denied": "cancelled",
    "started": "consumed",
    "executed": "consumed",
    "failed": "consumed",
}
STRICTNESS: Mapping[Verdict, int] = {"allow": 0, "require_approval": 1, "deny": 2}


@dataclass(frozen=True, slots=True)
class Circumstances:
    """All that a decision rests on besides the request."""

    classes: Classes
    """Of the system, by action class."""
    parent: Classes | None
    salt: Salt
    now: datetime

    def spec_of(self, action_class: str) -> ActionClassSpec:
        known = self.classes.get(action_class)
        return known.spec if known else ActionClassSpec()

    def version_of(self, action_class: str) -> int:
        known = self.classes.get(action_class) or next(iter(self.classes.values()), None)
        return known.control.policy_version if known else 0


def decide(request: ActionRequested, at: Circumstances) -> Action:
    """The controller's own decision."""
    spec, given = at.spec_of(request.action_class), judged(request, at)
    if at.now > request.deadline:
        given = Permission("deny", "late", "the request came after its deadline", given.level, given.risks)
    made = decision(
        request,
        given,
        judged(request, at, levels_up=1),
        policy_version=at.version_of(request.action_class),
        decided_by="controller",
        decided_at=at.now,
    )
    answer: dict[str, object] = {"correlation_id": request.correlation_id}
    if given.verdict == "require_approval":
        answer["review_id"] = review_id_of(request.action_id, "approval")
        answer["valid_until"] = at.now + timedelta(minutes=spec.validity_minutes)
        answer["on_expiry"] = spec.on_expiry
    return _accepted(request, made.model_copy(update=answer), at, lawful=True)


def accept(request: ActionRequested, decided: ActionDecided, at: Circumstances) -> Action:
    """A decision that an SDK made by the levels it knew. One that we would have refused is audited for certain."""
    ours = judged(request, at)
    # Its time is that of its record: an agent's clock decides nothing here.
    decided = decided.model_copy(update={"decided_at": at.now, "request": None})
    return _accepted(request, decided, at, lawful=STRICTNESS[decided.verdict] >= STRICTNESS[ours.verdict])


def judged(request: ActionRequested, at: Circumstances, *, levels_up: int = 0) -> Permission:
    controls = {name: state.control for name, state in at.classes.items()}
    parent = None if at.parent is None else {name: state.control for name, state in at.parent.items()}
    return permission(request, controls, parent, levels_up=levels_up)


def ended(action: Action, end: End, detail: str, now: datetime) -> Action:
    """The action at its end. Whoever calls has seen that it had none."""
    return action.model_copy(update={"state": end, "detail": detail[:1024], "ended_at": now, "due_at": None})


def waits_until(action: Action, state: Literal["allowed", "waiting", "approved", "started"], due: datetime) -> Action:
    return action.model_copy(update={"state": state, "due_at": due})


def may_start(action: Action, digest: str, policy_version: int, at: Circumstances) -> StartRefusal | None:
    """Why this action may not run now, or None. An approval is good for exactly this action, this policy, once."""
    return _spent(action, at.now) or _unbound(action, digest, policy_version, at) or _stopped(action, at)


def _spent(action: Action, now: datetime) -> StartRefusal | None:
    """What its state says, and its clock, which may be ahead of the reconciler."""
    is_over = action.state in ("waiting", "approved") and action.due_at is not None and now >= action.due_at
    return "expired" if is_over else REFUSAL_BY_STATE.get(action.state)


def _unbound(action: Action, digest: str, policy_version: int, at: Circumstances) -> StartRefusal | None:
    if digest != action.decided.digest:
        return "digest_mismatch"
    current = at.version_of(action.request.action_class)
    return None if policy_version == action.decided.policy_version == current else "policy_mismatch"


def _stopped(action: Action, at: Circumstances) -> StartRefusal | None:
    """An approval from before a kill is worth nothing after it."""
    return "cancelled" if judged(action.request, at).verdict == "deny" else None


def started(action: Action, spec: ActionClassSpec, now: datetime) -> Action:
    return waits_until(action, "started", now + timedelta(minutes=spec.report_minutes_max))


def overdue(action: Action, now: datetime) -> tuple[End, str] | None:
    """How the reconciler ends an action that nobody has ended, or None while there is time left."""
    if action.has_ended or action.due_at is None or now < action.due_at:
        return None
    if action.state in ("waiting", "approved"):
        advice = action.decided.on_expiry or "halt"
        return "expired", f"not approved and started in time, so not executed; the policy says: {advice}"
    return "failed", "silent_gap: it was allowed, and its agent never told how it ended"


def _accepted(request: ActionRequested, decided: ActionDecided, at: Circumstances, *, lawful: bool) -> Action:
    known = at.classes.get(request.action_class)
    taken = sample(
        at.salt,
        request.action_id,
        decided.level,
        risky=bool(decided.risks),
        anomaly=not lawful or bool(known and known.control.anomalies),
        doubled=bool(known and known.audits_doubled),
        by_itself=decided.verdict == "allow",
    )
    action = Action(request=request, decided=decided, state="waiting", sample=taken, due_at=decided.valid_until)
    if decided.verdict == "deny":
        return ended(action, "denied", f"{decided.rule}: {decided.reason}", at.now)
    if decided.verdict == "allow":
        limit = timedelta(minutes=at.spec_of(request.action_class).report_minutes_max)
        # The deadline is the agent's word, and may lie in any year.
        latest = min(max(request.deadline, at.now), at.now + DEADLINE_MAX)
        return waits_until(action, "allowed", latest + limit)
    return action
