"""All that can make the notifier decide anything: alerts, the clock, people, and answers of providers."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from flyball.schemas.alerts import Alert
from flyball.schemas.incidents import IncidentState
from notifier.domain.policy import Matcher

Answer = Literal["delivered", "later", "failed", "refused", "not_needed"]
"""``later``: told when to come back. ``failed``: may pass. ``refused``: will not. ``not_needed``: nothing was sent."""
Action = Literal["trigger", "acknowledge", "resolve", "remind", "digest"]


@dataclass(frozen=True, slots=True)
class AlertSeen:
    alert: Alert
    at: datetime
    """Append time of its record."""
    kind: Literal["alert"] = "alert"


@dataclass(frozen=True, slots=True)
class Tick:
    """Something was due."""

    at: datetime
    kind: Literal["tick"] = "tick"


@dataclass(frozen=True, slots=True)
class Acknowledged:
    incident: str
    actor: str
    at: datetime
    kind: Literal["acknowledged"] = "acknowledged"


@dataclass(frozen=True, slots=True)
class MovedOn:
    """A person says in which state an incident is; ``resolved`` closes its alerts as well."""

    incident: str
    state: IncidentState
    actor: str
    at: datetime
    kind: Literal["moved"] = "moved"


@dataclass(frozen=True, slots=True)
class ReminderDue:
    """A clock of an incident that is over has come to a share at which people are reminded."""

    incident: str
    at: datetime
    kind: Literal["reminder"] = "reminder"


@dataclass(frozen=True, slots=True)
class Silence:
    """Alerts that all matchers match page nobody from ``starts_at`` to before ``ends_at``."""

    id: str
    matchers: tuple[Matcher, ...]
    starts_at: datetime
    ends_at: datetime
    author: str
    comment: str


@dataclass(frozen=True, slots=True)
class SilenceSet:
    silence: Silence
    at: datetime
    kind: Literal["silence"] = "silence"


@dataclass(frozen=True, slots=True)
class SilenceEnded:
    id: str
    actor: str
    at: datetime
    kind: Literal["silence_ended"] = "silence_ended"


@dataclass(frozen=True, slots=True, order=True)
class DeliveryKey:
    """Whom to tell what, through what. There is one intent for each of these, ever."""

    incident: str
    epoch: int
    step: str
    action: Action
    channel: str
    target: str


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of one attempt to send. ``jitter`` in [0, 1) was drawn when it ended, so that it can be replayed."""

    key: DeliveryKey
    answer: Answer
    detail: str
    jitter: float
    at: datetime
    retry_after_seconds: float | None = None
    kind: Literal["answered"] = "answered"


@dataclass(frozen=True, slots=True)
class Overflowed:
    """More waits for one contact than it may get: these have waited, and are not urgent."""

    keys: tuple[DeliveryKey, ...]
    at: datetime
    kind: Literal["overflow"] = "overflow"


Input = AlertSeen | Tick | Acknowledged | MovedOn | ReminderDue | Overflowed | SilenceSet | SilenceEnded | Answered
