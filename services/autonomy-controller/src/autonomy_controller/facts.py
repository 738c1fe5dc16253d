"""What the controller publishes: each fact with an id that comes out the same when it is made again."""

from datetime import datetime
from uuid import UUID, uuid5

from autonomy_controller.domain.reviews import told
from autonomy_controller.domain.state import Action, ClassState, Review
from flyball.bus.messages import fact
from flyball.schemas.audit import AuditRecord
from flyball.schemas.autonomy import ActionDecided, ActionEnded, Heartbeat
from flyball.schemas.reviews import Reminder
from flyball.schemas.topics import AGENT_DECISIONS, AUDIT_RECORDS, AUTONOMY_LEVELS, REVIEWS
from flyball.store.ports import Outgoing

NAME = "autonomy-controller"
NAMESPACE = UUID("0a6c1f4e-8f0d-5a5b-8b59-7f0f63a1c9d2")


def decided(decision: ActionDecided) -> Outgoing:
    """The answer, on the topic where every decision is. An SDK has published its own already."""
    return fact(
        AGENT_DECISIONS,
        decision,
        source=NAME,
        identity=identity("decided", decision.action_id),
        system=decision.system,
        time=decision.decided_at,
    )


def ended(action: Action) -> Outgoing:
    end = ActionEnded.model_validate(
        {
            "kind": "ended",
            "action_id": action.id,
            "tenant": action.request.tenant,
            "system": action.request.system,
            "end": action.state,
            "detail": action.detail,
            "ended_at": action.ended_at,
        }
    )
    return fact(
        AGENT_DECISIONS,
        end,
        source=NAME,
        identity=identity("ended", action.id),
        system=end.system,
        time=end.ended_at,
    )


def level(state: ClassState, cause: str) -> Outgoing:
    control = state.control
    return fact(
        AUTONOMY_LEVELS,
        control,
        source=NAME,
        identity=identity("level", *state.key, cause),
        system=control.system,
        time=control.changed_at,
        # Tenants share the topic, so the tenant is a part of what compaction keeps.
        key="/".join(state.key).encode(),
    )


def heartbeat(key: bytes, now: datetime) -> Outgoing:
    return fact(
        AUTONOMY_LEVELS,
        Heartbeat(kind="heartbeat", at=now),
        source=NAME,
        identity=identity("heartbeat", key.decode(), now.isoformat()),
        system=NAME,
        time=now,
        key=key,
    )


def review(changed: Review, action: Action, reminder: Reminder | None = None) -> Outgoing:
    """A review as everybody may see it: without what is withheld from those who are to judge."""
    state = (changed.state, str(len(changed.verdicts)), str(len(changed.judgments)), str(changed.claimed_until))
    return fact(
        REVIEWS,
        told(changed, action, reminder=reminder),
        source=NAME,
        identity=identity("review", changed.review_id, *state, reminder or ""),
        system=changed.system,
        time=changed.changed_at,
        key=changed.review_id.encode(),
    )


def audit(record: AuditRecord) -> Outgoing:
    return fact(
        AUDIT_RECORDS,
        record,
        source=NAME,
        identity=identity("audit", record.kind, record.subject, record.decided_at.isoformat(), record.inputs_digest),
        system=record.system,
        time=record.decided_at,
    )


def identity(*parts: str) -> UUID:
    return uuid5(NAMESPACE, "\n".join(parts))
