"""One review: two clocks, independent judgment first where it is asked for, and never an approval by time-out."""

from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID, uuid5

from autonomy_controller.domain.sampling import Salt, judged_independently
from autonomy_controller.domain.state import Action, ClassState, Judgment, Review, Verdict
from flyball.schemas.base import Event
from flyball.schemas.reviews import Reminder, ReviewChanged, ReviewKind

NAMESPACE = UUID("2f0a4d1e-4f37-5a0c-9d5e-6f1f6a2f0b71")
SERVICE_LEVEL = {0: timedelta(minutes=15), 1: timedelta(hours=1), 2: timedelta(hours=4), 3: timedelta(hours=24)}
"""By severity: until then somebody should have answered."""
REMINDERS: tuple[tuple[Reminder, float], ...] = (("remind", 0.5), ("backup", 0.75), ("escalate", 1.0))
CLAIM = timedelta(minutes=10)
AUDIT_VALIDITY = timedelta(days=7)
AUDIT_SEVERITY = 3
REVIEWS_AN_HOUR_MAX = 40
QUESTION_CHARACTERS_MAX = 2_000


class Refused(Exception):
    """Why a person's act on a review is not accepted. ``review`` is what stands."""

    def __init__(self, reason: str, detail: str, review: Review) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.review = review


def review_id_of(action_id: str, kind: ReviewKind) -> str:
    return str(uuid5(NAMESPACE, f"{kind}/{action_id}"))


def opened(action: Action, kind: ReviewKind, known: ClassState | None, salt: Salt, now: datetime) -> Review:
    """The question whether an action may run, or was right. Audits are always judged independently."""
    request, decided = action.request, action.decided
    spec_severity = known.spec.severity if known else 2
    severity = AUDIT_SEVERITY if kind == "audit" else spec_severity
    valid_until = now + AUDIT_VALIDITY if kind == "audit" else decided.valid_until or now
    asked = "Was it right that" if kind == "audit" else "May"
    did = "did this" if kind == "audit" else "do this"
    confidence = "no confidence" if request.confidence is None else f"confidence {request.confidence:.2f}"
    return Review(
        review_id=review_id_of(action.id, kind),
        kind=kind,
        action_id=action.id,
        tenant=request.tenant,
        system=request.system,
        action_class=request.action_class,
        state="pending",
        severity=severity,
        digest=decided.digest,
        policy_version=decided.policy_version,
        question=f"{asked} {request.system} {did}: {request.operation} on {request.target}?",
        proposal=f"{decided.verdict} at L{decided.level}, {confidence}: {decided.reason}"[:QUESTION_CHARACTERS_MAX],
        independent=kind == "audit" or judged_independently(salt, action.id),
        approvals_needed=known.spec.approvals_needed if known and kind == "approval" else 1,
        reviewers=known.spec.reviewers if known else (),
        excluded=tuple(filter(None, (request.requester, *(known.owners if known else ())))),
        opened_at=now,
        respond_by=min(now + SERVICE_LEVEL[severity], valid_until),
        valid_until=valid_until,
        changed_at=now,
    )


def claimed(review: Review, reviewer: str, now: datetime) -> Review:
    """Ten minutes for one reviewer; others wait for the end of them."""
    _may_act(review, reviewer, now)
    held = review.claimed_until is not None and now < review.claimed_until
    if held and review.claimed_by != reviewer:
        raise Refused("claimed", f"{review.claimed_by} works on it", review)
    state = "claimed" if review.state == "pending" else review.state
    changes = {"state": state, "claimed_by": reviewer, "claimed_until": now + CLAIM, "changed_at": now}
    return review.model_copy(update=changes)


def judged(review: Review, judgment: Judgment) -> Review:
    """The reviewer's own judgment, stored before the proposal is shown. It cannot be changed afterwards."""
    _may_act(review, judgment.reviewer, judgment.at)
    if review.judged_by(judgment.reviewer):
        raise Refused("already_judged", f"{judgment.reviewer} has judged it", review)
    changes = {"state": "revealed", "judgments": (*review.judgments, judgment), "changed_at": judgment.at}
    return review.model_copy(update=changes)


def decided(review: Review, verdict: Verdict) -> Review:
    """One person's verdict. One refusal ends it; approval takes as many distinct people as the class asks for."""
    _may_act(review, verdict.reviewer, verdict.at)
    if any(known.reviewer == verdict.reviewer for known in review.verdicts):
        raise Refused("already_decided", f"{verdict.reviewer} has given a verdict", review)
    if review.independent and not review.judged_by(verdict.reviewer):
        raise Refused("judgment_first", "store your own judgment and confidence first", review)
    after = review.model_copy(update={"verdicts": (*review.verdicts, verdict), "changed_at": verdict.at})
    if verdict.resolution == "approve" and len(after.approved_by) < review.approvals_needed:
        return after
    return after.model_copy(update={"state": "resolved", "resolution": verdict.resolution})


def closed(review: Review, state: Literal["expired", "cancelled", "superseded", "consumed"], now: datetime) -> Review:
    """The end of a review that no verdict ended, or whose approval was used."""
    return review.model_copy(update={"state": state, "changed_at": now})


class Ticked(Event):
    """What time did to a review."""

    review: Review
    reminders: tuple[Reminder, ...]


def ticked(review: Review, now: datetime) -> Ticked:
    """Reminders that are due, a claim that ran out, validity that ended. None of them approves anything."""
    if not review.is_open:
        return Ticked(review=review, reminders=())
    if now >= review.valid_until:
        return Ticked(review=closed(review, "expired", now), reminders=())
    due = tuple(name for name, share in REMINDERS if name not in review.reminders and now >= _moment(review, share))
    changes: dict[str, object] = {"reminders": (*review.reminders, *due)}
    if review.claimed_until is not None and now >= review.claimed_until:
        state = "pending" if review.state == "claimed" else review.state
        changes |= {"state": state, "claimed_by": None, "claimed_until": None, "changed_at": now}
    return Ticked(review=review.model_copy(update=changes), reminders=due)


def next_look(review: Review) -> datetime | None:
    """When a tick has something to do with this review; None for one that is closed."""
    if not review.is_open:
        return None
    moments = [_moment(review, share) for name, share in REMINDERS if name not in review.reminders]
    return min([*moments, review.valid_until, *([review.claimed_until] if review.claimed_until else [])])


def told(review: Review, action: Action, viewer: str | None = None, reminder: Reminder | None = None) -> ReviewChanged:
    """What ``viewer`` may see of it; None is the public, on the topic."""
    shown = not review.independent or review.state in ("resolved", "consumed")
    proposal = review.proposal if shown or (viewer is not None and review.judged_by(viewer)) else None
    refusal = next((verdict for verdict in review.verdicts if verdict.resolution != "approve"), None)
    return ReviewChanged(
        review_id=review.review_id,
        tenant=review.tenant,
        system=review.system,
        action_id=review.action_id,
        action_class=review.action_class,
        kind=review.kind,
        state=review.state,
        severity=review.severity,
        digest=review.digest,
        policy_version=review.policy_version,
        question=review.question,
        arguments=action.request.parameters,
        proposal=proposal,
        approvals_needed=review.approvals_needed,
        approved_by=review.approved_by,
        refused_by=refusal.reviewer if refusal else None,
        claimed_by=review.claimed_by,
        resolution=review.resolution,
        reminder=reminder,
        respond_by=review.respond_by,
        valid_until=review.valid_until,
        opened_at=review.opened_at,
        changed_at=review.changed_at,
    )


def _moment(review: Review, share: float) -> datetime:
    return review.opened_at + (review.respond_by - review.opened_at) * share


def _may_act(review: Review, reviewer: str, now: datetime) -> None:
    if not review.is_open:
        raise Refused(review.state, f"the review is {review.state}", review)
    if now >= review.valid_until:
        raise Refused("expired", "its validity has ended", review)
    if _person(reviewer) in {_person(name) for name in review.excluded}:
        raise Refused("excluded", "who asked for an action, or owns the system, cannot approve it", review)
    if review.reviewers and _person(reviewer) not in {_person(name) for name in review.reviewers}:
        raise Refused("not_a_reviewer", "the system's spec names other reviewers for this class", review)


def _person(name: str) -> str:
    """``User:Ada`` and ``ada`` are the same person."""
    return name.strip().casefold().removeprefix("user:")
