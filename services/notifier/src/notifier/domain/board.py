"""Everything that is open for one tenant: what a decision is made from, and all that it may change."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from flyball.schemas.alerts import Alert
from flyball.schemas.incidents import IncidentState
from notifier.domain.inputs import DeliveryKey, Silence

Index = Literal["group", "natural", "incident"]
OVER: frozenset[IncidentState] = frozenset({"resolved", "verified", "post_mortem", "closed"})


@dataclass(frozen=True, slots=True)
class KnownAlert:
    """The last that was said about a fingerprint. It is kept a while after its end, for records that come late."""

    alert: Alert
    natural_group: str
    """The group it would be in without a storm."""
    group: str
    seen_at: datetime
    incident: str | None = None
    refires: str | None = None
    """The incident that it was in and that was over a moment before it fired again."""
    ended_at: datetime | None = None

    @property
    def firing(self) -> bool:
        return self.ended_at is None


@dataclass(frozen=True, slots=True)
class Group:
    """Alerts that are told together."""

    key: str
    route: str
    due_at: datetime | None
    flushed_at: datetime | None = None
    storm: bool = False


@dataclass(frozen=True, slots=True)
class Incident:
    """What people work on. ``fingerprints`` are all that were ever in it, in the order they came."""

    id: str
    route: str
    systems: tuple[str, ...]
    epoch: int
    epoch_at: datetime
    state: IncidentState
    severity: int
    title: str
    fingerprints: tuple[str, ...]
    detected_at: datetime
    reached: dict[str, datetime]
    """When each state was first reached."""
    due_at: dict[str, datetime]
    """Clocks: until when each state should be reached. Raising the severity may only bring them forward."""
    wake_at: datetime | None = None
    """When escalation has to look again."""
    storm: bool = False
    acknowledged_by: str | None = None
    acknowledged_at: datetime | None = None
    resolved_at: datetime | None = None
    issued: tuple[str, ...] = ()
    """Steps of this epoch that were taken."""
    reminded: tuple[str, ...] = ()
    """Reminders since its resolution, as ``post-mortem: due``."""

    @property
    def open(self) -> bool:
        return self.state not in OVER


@dataclass(frozen=True, slots=True)
class Delivery:
    """The intent to tell somebody, and what became of it."""

    key: DeliveryKey
    severity: int
    state: str
    """``open``, ``delivered``, ``cancelled``, ``not_needed``, ``digested`` or ``dead``."""
    decided_at: datetime
    not_before: datetime
    fallbacks: tuple[str, ...] = ()
    attempts: int = 0
    first_attempt_at: datetime | None = None
    detail: str = ""


@dataclass(slots=True)
class Board:
    """Loaded, changed by one input after another, saved: a draft within one transaction."""

    tenant: str
    sequence: int = 0
    """Of the last input."""
    now: datetime | None = None
    """Of the last input too; never goes back."""
    new_groups: tuple[datetime, ...] = ()
    """When the newest groups were new: one more than may be without a storm."""
    storm_key: str | None = None
    failing: dict[str, datetime] = field(default_factory=dict)
    """Contacts (channel/target) that were given up on, since when."""
    alerts: dict[str, KnownAlert] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    silences: dict[str, Silence] = field(default_factory=dict)
    incidents: dict[str, Incident] = field(default_factory=dict)
    deliveries: dict[DeliveryKey, Delivery] = field(default_factory=dict)

    soonest: datetime | None = None
    """Nothing is due before this."""
    _firing: Counter[tuple[str, str]] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        for known in self.alerts.values():
            self._count(known, 1)
        self.look_at_clocks()

    def put_alert(self, known: KnownAlert) -> None:
        self.forget_alert(known.alert.fingerprint)
        self.alerts[known.alert.fingerprint] = known
        self._count(known, 1)

    def forget_alert(self, fingerprint: str) -> None:
        before = self.alerts.pop(fingerprint, None)
        if before is not None:
            self._count(before, -1)

    def put_group(self, group: Group) -> None:
        self.groups[group.key] = group
        self._wake(group.due_at)

    def put_incident(self, incident: Incident) -> None:
        self.incidents[incident.id] = incident
        self._wake(incident.wake_at)

    def put_delivery(self, delivery: Delivery) -> None:
        self.deliveries[delivery.key] = delivery

    def firing(self, kind: Index, key: str) -> int:
        """How many alerts fire in a group, a natural group or an incident."""
        return self._firing[kind, key]

    def firing_in(self, kind: Index, key: str) -> list[KnownAlert]:
        """They themselves, in the order in which they came."""
        if not self.firing(kind, key):
            return []
        return [known for known in self.alerts.values() if known.firing and (kind, key) in _places(known)]

    def look_at_clocks(self) -> None:
        """Find out anew when something is due."""
        moments = [group.due_at for group in self.groups.values() if group.due_at]
        moments += [incident.wake_at for incident in self.incidents.values() if incident.wake_at]
        self.soonest = min(moments, default=None)

    def _wake(self, at: datetime | None) -> None:
        if at is not None:
            self.soonest = min(at, self.soonest or at)

    def _count(self, known: KnownAlert, sign: int) -> None:
        if known.firing:
            for place in _places(known):
                self._firing[place] += sign


def _places(known: KnownAlert) -> tuple[tuple[str, str], ...]:
    return ("group", known.group), ("natural", known.natural_group), ("incident", known.incident or "")
