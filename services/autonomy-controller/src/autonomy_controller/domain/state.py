"""What the controller remembers: classes of action, actions and reviews. Times come from records and ticks."""

from typing import Literal

from pydantic import Field

from flyball.schemas.autonomy import ActionDecided, ActionRequested, LevelSet
from flyball.schemas.base import Count, Event, Fraction, Name, ShortText, Text, UtcTime
from flyball.schemas.guardrails import ActionClassSpec
from flyball.schemas.reviews import Reminder, Resolution, ReviewKind, ReviewState

ActionState = Literal["allowed", "waiting", "approved", "started", "executed", "denied", "expired", "failed"]
ENDED: frozenset[str] = frozenset({"executed", "denied", "expired", "failed"})
CLOSED: frozenset[str] = frozenset({"resolved", "expired", "cancelled", "superseded", "consumed"})


class ClassState(Event):
    """One class of action of one system: what is published of it, and what is not."""

    control: LevelSet
    spec: ActionClassSpec = ActionClassSpec()
    owners: tuple[Text, ...] = ()
    """They never approve what their own system does."""
    released_by: tuple[Text, ...] = ()
    """Who has agreed to release it so far."""
    audits_doubled: bool = False
    """While medium drift is open."""

    @property
    def key(self) -> tuple[str, str, str]:
        return self.control.tenant, self.control.system, self.control.action_class


class Standing(Event):
    """What other services say of one system."""

    tenant: Name
    system: Name
    red: tuple[Name, ...] = ()
    """Budgets that are red now. Each takes a level once, when it becomes so."""
    worst: ShortText = "no_data"
    episodes: dict[Text, ShortText] = Field(default={}, max_length=64)
    """Open drift episodes and their severity."""
    feed_quarantined: bool = False
    """Its telemetry is not what its spec expects: nothing is concluded from it."""


class Sample(Event):
    """Whether an action is audited. The same action always gets the same answer."""

    u: Fraction
    p: Fraction
    salt_id: ShortText
    rule: ShortText

    @property
    def taken(self) -> bool:
        return self.u < self.p


class Action(Event):
    """One action from the request to its one end."""

    request: ActionRequested
    decided: ActionDecided
    state: ActionState
    sample: Sample
    due_at: UtcTime | None
    """When the reconciler looks at it; None when it has ended."""
    detail: str = Field(default="", max_length=1_024)
    ended_at: UtcTime | None = None

    @property
    def id(self) -> str:
        return self.request.action_id

    @property
    def has_ended(self) -> bool:
        return self.state in ENDED


class Judgment(Event):
    """What one reviewer thought before seeing the proposal."""

    reviewer: Text
    judgment: Literal["approve", "reject"]
    confidence: int = Field(ge=1, le=5)
    at: UtcTime


class Verdict(Event):
    """What one reviewer decided."""

    reviewer: Text
    resolution: Resolution
    comment: str = Field(default="", max_length=1_024)
    at: UtcTime


class Review(Event):
    """One question to people, from opening to its one end."""

    review_id: ShortText
    kind: ReviewKind
    action_id: Text
    tenant: Name
    system: Name
    action_class: Name
    state: ReviewState
    severity: int = Field(ge=0, le=3)
    digest: str
    policy_version: Count
    question: str
    proposal: str
    independent: bool
    """The proposal is shown to nobody who has not judged first."""
    approvals_needed: int = Field(ge=1, le=5)
    reviewers: tuple[Text, ...]
    excluded: tuple[Text, ...]
    opened_at: UtcTime
    respond_by: UtcTime
    valid_until: UtcTime
    claimed_by: Text | None = None
    claimed_until: UtcTime | None = None
    judgments: tuple[Judgment, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    resolution: Resolution | None = None
    reminders: tuple[Reminder, ...] = ()
    changed_at: UtcTime

    @property
    def is_open(self) -> bool:
        return self.state not in CLOSED

    @property
    def approved_by(self) -> tuple[str, ...]:
        return tuple(verdict.reviewer for verdict in self.verdicts if verdict.resolution == "approve")

    def judged_by(self, reviewer: str) -> bool:
        return any(judgment.reviewer == reviewer for judgment in self.judgments)
