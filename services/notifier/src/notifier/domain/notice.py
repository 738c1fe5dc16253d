"""What is said about an incident, whatever the channel."""

from dataclasses import dataclass
from datetime import datetime

from flyball.schemas.alerts import Alert
from notifier.domain.board import Incident
from notifier.domain.inputs import Action
from notifier.domain.severity import to_wire

ALERTS_TOLD_MAX = 20


@dataclass(frozen=True, slots=True)
class Told:
    """An alert of the incident."""

    alert: Alert
    firing: bool


@dataclass(frozen=True, slots=True)
class Notice:
    tenant: str
    incident: Incident
    epoch: int
    """That the notice belongs to; the incident may be further."""
    action: Action
    target: str
    decided_at: datetime
    alerts: tuple[Told, ...]
    """The worst, ``ALERTS_TOLD_MAX`` at most."""
    alert_count: int
    about: str = ""
    """What a reminder or a digest is about."""

    @property
    def key(self) -> str:
        """One page for one of these, wherever it is told: an epoch is what must reach people again."""
        return f"flyball/{self.tenant}/{self.incident.id}/{self.epoch}"

    @property
    def severity(self) -> str:
        """``P1 (p0p3)``: never without its scheme."""
        wire = to_wire(self.incident.severity)
        return f"{wire.value} ({wire.scheme})"

    @property
    def headline(self) -> str:
        words = {"trigger": self.severity, "acknowledge": "Acknowledged", "resolve": "Resolved"}
        said = words.get(self.action, self.about)
        again = f", epoch {self.epoch}" if self.epoch > 1 else ""
        return f"[{said}{again}] {', '.join(self.incident.systems[:3])}: {self.incident.title}"
