"""``reviews.v1``: questions put to people. Nothing that waits here is ever approved by a timer."""

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from flyball.schemas.audit import Digest
from flyball.schemas.base import DEFAULT_TENANT, Count, Event, Identifier, Name, ShortText, Text, UtcTime

ReviewKind = Literal["approval", "audit"]
ReviewState = Literal[
    "pending", "claimed", "judged", "revealed", "resolved", "expired", "cancelled", "superseded", "consumed"
]
Resolution = Literal["approve", "edit", "reject", "respond"]
Reminder = Literal["remind", "backup", "escalate"]
"""At 50, 75 and 100 % of the service level."""


class ReviewChanged(Event):
    """A review after one change. ``proposal`` stays empty until the reviewer's own judgment is stored."""

    review_id: Identifier
    tenant: Name = DEFAULT_TENANT
    system: Name
    action_id: Identifier
    action_class: Name
    kind: ReviewKind
    state: ReviewState
    severity: Annotated[int, Field(ge=0, le=3)]
    digest: Digest
    policy_version: Count
    question: str = Field(max_length=2_000)
    arguments: Annotated[dict[ShortText, JsonValue], Field(max_length=256)] = {}
    proposal: str | None = Field(default=None, max_length=2_000)
    """What the system did or would do. Withheld where people are to judge first."""
    approvals_needed: Annotated[int, Field(ge=1, le=5)] = 1
    approved_by: tuple[Text, ...] = Field(default=(), max_length=5)
    refused_by: Text | None = None
    claimed_by: Text | None = None
    resolution: Resolution | None = None
    reminder: Reminder | None = None
    """Set in the record that reminds, and in no other."""
    respond_by: UtcTime
    """Service level: reminded at 50 %, back-up at 75 %, escalated at 100 %."""
    valid_until: UtcTime
    """After this the action is meaningless, and so expired, not executed."""
    opened_at: UtcTime
    changed_at: UtcTime
