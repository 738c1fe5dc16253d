"""One input on its way through the stages: the board it changes, the rules, and what it says."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import JsonValue

from flyball.schemas.alerts import Alert
from notifier.domain import facts
from notifier.domain.board import Board, Incident, KnownAlert
from notifier.domain.policy import Policy

ITSELF = f"service:{facts.SERVICE}"


@dataclass(frozen=True, slots=True)
class Run:
    board: Board
    policy: Policy
    outcome: facts.Outcome
    now: datetime

    def change(self, incident: Incident, change: str, actor: str, text: str) -> None:
        """Tell everybody what an incident is now, and write down why."""
        self.outcome.changes.append(facts.changed(self.board.tenant, incident, change, self.now))
        self.note(incident.id, change, actor, text)

    def note(self, incident: str, kind: str, actor: str, text: str) -> None:
        self.outcome.notes.append(facts.Note(incident, self.now, kind, actor, text))

    def child(self, incident: str, known: KnownAlert) -> None:
        """List an alert under an incident, as it is now."""
        self.outcome.children.append(facts.Child(incident, known))

    def decided(
        self,
        decision: str,
        reason: str,
        alerts: Sequence[Alert],
        subject: str,
        more: dict[str, JsonValue] | None = None,
    ) -> None:
        """Put a decision to page, or not to, on the record. ``alerts`` has one at least."""
        self.record(alerts[0].system, decision, reason, subject, {**facts.evidence(alerts), **(more or {})})

    def record(
        self,
        system: str,
        decision: str,
        reason: str,
        subject: str,
        inputs: dict[str, JsonValue],
        *,
        kind: str = "notify.page",
        actor: str = ITSELF,
    ) -> None:
        record = facts.audit(
            self.board.tenant,
            system,
            subject,
            decision,
            reason,
            {"sequence": self.board.sequence, **inputs},
            self.policy.version,
            self.now,
            kind=kind,
            actor=actor,
        )
        self.outcome.audits.append(record)
