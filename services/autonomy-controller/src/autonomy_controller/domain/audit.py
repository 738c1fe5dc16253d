"""What goes into the audit log, and how a decision is made again from it."""

from collections.abc import Mapping
from datetime import datetime

from pydantic import JsonValue, TypeAdapter

from autonomy_controller.domain.actions import Circumstances, judged
from autonomy_controller.domain.changes import CHANGES, Change, applied
from autonomy_controller.domain.reviews import decided
from autonomy_controller.domain.state import Action, ClassState, Review, Verdict
from flyball.schemas.audit import AuditRecord
from flyball.schemas.autonomy import ActionRequested, LevelSet
from flyball.schemas.digest import digest_of
from flyball.schemas.guardrails import SYSTEM_WIDE
from flyball.schemas.permission import names_operation, permission

SERVICE = "autonomy-controller"
CONTROLLER = f"service:{SERVICE}"
DECISION, LEVEL, REVIEW, COMMAND = "autonomy.decision", "autonomy.level", "autonomy.review", "autonomy.command"
Inputs = dict[str, JsonValue]
REASON_CHARACTERS_MAX = 1_024
_CONTROLS: TypeAdapter[dict[str, LevelSet]] = TypeAdapter(dict[str, LevelSet])


def of_decision(action: Action, at: Circumstances) -> AuditRecord:
    """What was decided about an action, with everything that the rule looks at."""
    request, decided_ = action.request, action.decided
    inputs: Inputs = {
        "request": request.model_dump(mode="json"),
        "controls": _looked_at(at.classes, request),
        "parent": None if at.parent is None else _looked_at(at.parent, request),
        "now": at.now.isoformat(),
        "decided_by": decided_.decided_by,
        "controller_verdict": judged(request, at).verdict,
        "shadow_verdict": decided_.next_level_verdict,
        "action_digest": decided_.digest,
        "sample": action.sample.model_dump(mode="json"),
    }
    actor = CONTROLLER if decided_.decided_by == "controller" else f"agent:{decided_.system}"
    verdict, reason, version = decided_.verdict, decided_.reason, decided_.policy_version
    return record(request, DECISION, action.id, actor, verdict, reason, version, inputs, at.now)


def _looked_at(classes: Mapping[str, ClassState], request: ActionRequested) -> JsonValue:
    """The classes that the rule looks at: the request's own, the system's, and the first that names its operation."""
    names = [name for name, state in sorted(classes.items()) if names_operation(state.control, request.operation)]
    wanted = {request.action_class, SYSTEM_WIDE, *names[:1]}
    controls = {name: state.control for name, state in classes.items() if name in wanted}
    found: JsonValue = _CONTROLS.dump_python(controls, mode="json")
    return found


def of_level(before: ClassState | None, after: ClassState, change: Change, cause: str, actor: str) -> AuditRecord:
    """A change of a class: what it was, what changed it, and the record, tick or command that did."""
    control = after.control
    inputs: Inputs = {
        "before": before.model_dump(mode="json") if before else None,
        "change": change.model_dump(mode="json"),
        "key": list(after.key),
        "now": control.changed_at.isoformat(),
        "cause": cause,
    }
    version, at = control.policy_version, control.changed_at
    return record(control, LEVEL, control.action_class, actor, level_name(after), control.reason, version, inputs, at)


def level_name(state: ClassState) -> str:
    """The level of the newest epoch, and what holds it down."""
    control = state.control
    level = control.levels[0].level if control.levels else control.starting_level
    return "killed" if control.killed else f"L{min(level, control.level_max)}"


def of_review(before: Review, after: Review, verdict: Verdict) -> AuditRecord:
    """A person's verdict and what it made of the review."""
    inputs: Inputs = {
        "before": before.model_dump(mode="json"),
        "verdict": verdict.model_dump(mode="json"),
        "action_digest": before.digest,
        "after_state": after.state,
    }
    return record(
        before, REVIEW, before.review_id, verdict.reviewer, verdict.resolution, verdict.comment or after.state,
        before.policy_version, inputs, verdict.at,
    )  # fmt: skip


def record(  # noqa: PLR0917 - one argument for each field
    about: ActionRequested | LevelSet | Review,
    kind: str,
    subject: str,
    actor: str,
    decision: str,
    reason: str,
    policy_version: int,
    inputs: Inputs,
    at: datetime,
) -> AuditRecord:
    return AuditRecord(
        tenant=about.tenant,
        system=about.system,
        service=SERVICE,
        kind=kind,
        subject=subject,
        actor=actor,
        decision=decision,
        reason=reason[:REASON_CHARACTERS_MAX],
        policy_version=policy_version,
        inputs=inputs,
        inputs_digest=digest_of(inputs),
        decided_at=at,
    )


def decided_again(kind: str, inputs: Mapping[str, JsonValue]) -> str:
    """The decision that recorded inputs lead to by the code that runs today.

    Raises ``KeyError`` for a kind that is only stated, or for inputs that are of another release (``ValueError`` too).
    """
    return AGAIN[kind](inputs)


def _decision_again(inputs: Mapping[str, JsonValue]) -> str:
    request = ActionRequested.model_validate_json(_json(inputs["request"]))
    if datetime.fromisoformat(str(inputs["now"])) > request.deadline and inputs["decided_by"] == "controller":
        return "deny"
    controls = _CONTROLS.validate_json(_json(inputs["controls"]))
    parent = None if inputs["parent"] is None else _CONTROLS.validate_json(_json(inputs["parent"]))
    return permission(request, controls, parent).verdict


def _review_again(inputs: Mapping[str, JsonValue]) -> str:
    review = Review.model_validate_json(_json(inputs["before"]))
    verdict = Verdict.model_validate_json(_json(inputs["verdict"]))
    return decided(review, verdict).verdicts[-1].resolution


def _level_again(inputs: Mapping[str, JsonValue]) -> str:
    before = None if inputs["before"] is None else ClassState.model_validate_json(_json(inputs["before"]))
    tenant, system, action_class = _KEY.validate_json(_json(inputs["key"]))
    now = datetime.fromisoformat(str(inputs["now"]))
    change = CHANGES.validate_json(_json(inputs["change"]))
    return level_name(applied(change, before, (tenant, system, action_class), now))


AGAIN = {DECISION: _decision_again, LEVEL: _level_again, REVIEW: _review_again}


def _json(value: JsonValue) -> bytes:
    return _VALUE.dump_json(value)


_KEY: TypeAdapter[tuple[str, str, str]] = TypeAdapter(tuple[str, str, str])
_VALUE: TypeAdapter[JsonValue] = TypeAdapter(JsonValue)
