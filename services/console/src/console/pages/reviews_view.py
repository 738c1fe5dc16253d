"""Questions to people, as the queue and as one in focus. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from console.pages.fleet_view import Items
from console.pages.words import moment_of, pretty

OPEN: Final = frozenset({"pending", "claimed", "judged", "revealed"})
SOON: Final = 0.25
"""The last quarter of the service level is shown as pressing."""


@dataclass(frozen=True, slots=True)
class Clock:
    """When something is due; ``tone`` is bad once it is over, warn when it is near."""

    at: datetime
    tone: str


@dataclass(frozen=True, slots=True)
class Review:
    """One question, as far as its reader may see it. ``proposal`` None: they are to judge first."""

    review_id: str
    kind: str
    system: str
    action_class: str
    severity: int
    question: str
    arguments: Sequence[tuple[str, str]]
    proposal: str | None
    state: str
    is_open: bool
    claimed_by: str | None
    approved_by: Sequence[str]
    approvals_needed: int
    resolution: str | None
    refused_by: str | None
    digest: str
    opened_at: datetime
    respond: Clock
    valid: Clock

    @property
    def judge_first(self) -> bool:
        return self.is_open and self.proposal is None


def review(item: Mapping[str, Any], now: datetime) -> Review:
    """From what autonomy-controller tells this reader."""
    opened_at = _moment(item["opened_at"])
    return Review(
        review_id=item["review_id"],
        kind=item["kind"],
        system=item["system"],
        action_class=item["action_class"],
        severity=item["severity"],
        question=item["question"],
        arguments=[(name, pretty(value)) for name, value in sorted(item["arguments"].items())],
        proposal=item["proposal"],
        state=item["state"],
        is_open=item["state"] in OPEN,
        claimed_by=item["claimed_by"],
        approved_by=item["approved_by"],
        approvals_needed=item["approvals_needed"],
        resolution=item["resolution"],
        refused_by=item["refused_by"],
        digest=item["digest"],
        opened_at=opened_at,
        respond=clock(opened_at, _moment(item["respond_by"]), now),
        valid=clock(opened_at, _moment(item["valid_until"]), now),
    )


def queue(items: Items, now: datetime) -> Sequence[Review]:
    """The most severe first, of those what is due next. An approval holds somebody up, an audit does not."""
    found = [review(item, now) for item in items]
    return sorted(found, key=lambda r: (r.kind == "audit", r.severity, r.respond.at, r.review_id))


def following(reviews: Sequence[Review], review_id: str) -> str | None:
    """The id after this one in the queue; the first where it is no longer there."""
    others = [each.review_id for each in reviews if each.review_id != review_id]
    before = [each.review_id for each in reviews]
    if review_id in before and before[-1] != review_id:
        return before[before.index(review_id) + 1]
    return others[0] if others else None


def clock(start: datetime, end: datetime, now: datetime) -> Clock:
    if now >= end:
        return Clock(end, "bad")
    near = end - now < max(end - start, timedelta(0)) * SOON
    return Clock(end, "warn" if near else "none")


def _moment(text: str) -> datetime:
    """Raises ``ValueError`` for no time."""
    at = moment_of(text)
    if at is None:
        raise ValueError("a review without its times")
    return at
