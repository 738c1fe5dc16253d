"""What goes into the audit log, and how a decision is made again from it."""

from collections.abc import Mapping
from datetime import datetime

from pydantic import JsonValue, TypeAdapter

from autonomy_controller.domain.actions import Circumstances, judged
from autonomy_controller.domain.reviews import decided
from autonomy_controller.domain.state import Action, ClassState, Review, Verdict
from flyball.schemas.audit import AuditRecord
from flyball.schemas.autonomy import ActionRequested, LevelSet
from flyball.schemas.digest import digest_of
from flyball.schemas.permission import permission

SERVICE = "autonomy-controller"
CONTROLLER = f"service:{SERVICE}"
DECISION, LEVEL, REVIEW, COMMAND = "autonomy.decision", "autonomy.level", "autonomy.review", "autonomy.command"
Inputs = dict[str, JsonValue]
REASON_CHARACTERS_MAX = 1_024
_CONTROLS: TypeAdapter[dict[str, LevelSet]] = TypeAdapter(dict[str, LevelSet])


def of_decision(action: Action, at: Circumstances) -> AuditRecord:
    """What was decided about an action, with everything that the rule looks at."""
    decided_, sample = action.decided, action.sample
    controls = {name: state.control for name, state in at.classes.items()}
    parent = None if at.parent is None else {name: state.control for name, state in at.parent.items()}
    inputs: Inputs = {
        "request": action.request.model_dump(mode="json"),
        "controls": _CONTROLS.dump_python(controls, mode="json"),
        "parent": None if parent is None else _CONTROLS.dump_python(parent, mode="json"),
        "now": at.now.isoformat(),
        "decided_by": decided_.decided_by,
        "controller_verdict": judged(action.request, at).verdict,
        "shadow_verdict": decided_.next_level_verdict,
        "action_digest": decided_.digest,
        "sample": sample.model_dump(mode="json"),
    }
    actor = CONTROLLER if decided_.decided_by == "controller" else f"agent:{decided_.system}"
    return record(
        action.request,
        DECISION,
        action.id,
        actor,
        decided_.verdict,
        decided_.reason,
        decided_.policy_version,
        inputs,
        at.now,
    )


def of_level(before: ClassState | None, after: ClassState, cause: str, actor: str, now: datetime) -> AuditRecord:
    """A change of a class: what it was, what it is, and which record or command made it so."""
    control = after.control
    inputs: Inputs = {
        "before": before.control.model_dump(mode="json") if before else None,
        "after": control.model_dump(mode="json"),
        "released_by": list(after.released_by),
        "cause": cause,
    }
    newest = control.levels[0].level if control.levels else control.starting_level
    decision = "killed" if control.killed else f"L{newest}"
    return record(
        control, LEVEL, control.action_class, actor, decision, control.reason, control.policy_version, inputs, now
    )


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


def recomputed(recorded: AuditRecord) -> str | None:
    """The decision that the recorded inputs lead to, made again; None for a kind that only states what was done."""
    if recorded.kind == DECISION:
        return _decision_again(recorded.inputs)
    if recorded.kind == REVIEW:
        return _review_again(recorded.inputs)
    return None


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
    after = decided(review, verdict)
    assert after.verdicts[-1] == verdict  # noqa: S101 - decided() appends it or raises
    return after.verdicts[-1].resolution


def _json(value: JsonValue) -> bytes:
    return _VALUE.dump_json(value)


_VALUE: TypeAdapter[JsonValue] = TypeAdapter(JsonValue)
