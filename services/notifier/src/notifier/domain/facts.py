"""What a decision says to others: the incident as it is now, the reason, and the line in its timeline."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import JsonValue

from flyball.schemas.alerts import FIRING, RESOLVED, Alert
from flyball.schemas.audit import AuditRecord
from flyball.schemas.digest import digest_of
from flyball.schemas.incidents import IncidentChanged
from notifier.domain.board import Delivery, Incident, KnownAlert

SERVICE = "notifier"
FLYBALL = "flyball"
"""The system that alerts about Flyball itself belong to."""
FINGERPRINTS_MAX, SYSTEMS_MAX, SAMPLE_MAX = 1_024, 256, 20
REASON_CHARACTERS_MAX = 1_024


@dataclass(frozen=True, slots=True)
class Note:
    """A line of an incident's timeline."""

    incident: str
    at: datetime
    kind: str
    actor: str
    text: str


@dataclass(frozen=True, slots=True)
class Child:
    """An alert as it is listed under its incident."""

    incident: str
    known: KnownAlert


@dataclass(slots=True)
class Outcome:
    """All that a run of inputs said, in order."""

    changes: list[IncidentChanged] = field(default_factory=list)
    audits: list[AuditRecord] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    children: list[Child] = field(default_factory=list)


def changed(tenant: str, incident: Incident, change: str, now: datetime) -> IncidentChanged:
    return IncidentChanged(
        incident_id=incident.id,
        tenant=tenant,
        systems=incident.systems[:SYSTEMS_MAX],
        system_count=len(incident.systems),
        epoch=incident.epoch,
        state=incident.state,
        severity=incident.severity,
        title=incident.title,
        fingerprints=incident.fingerprints[:FINGERPRINTS_MAX],
        fingerprint_count=len(incident.fingerprints),
        storm=incident.storm,
        acknowledged_by=incident.acknowledged_by,
        detected_at=incident.detected_at,
        changed_at=now,
        change=change,
    )


def audit(
    tenant: str,
    system: str,
    subject: str,
    decision: str,
    reason: str,
    inputs: dict[str, JsonValue],
    version: int,
    now: datetime,
    *,
    kind: str = "notify.page",
    actor: str = f"service:{SERVICE}",
) -> AuditRecord:
    return AuditRecord(
        tenant=tenant,
        system=system,
        service=SERVICE,
        kind=kind,
        subject=subject[:256],
        actor=actor,
        decision=decision,
        reason=reason[:REASON_CHARACTERS_MAX],
        policy_version=version,
        inputs=inputs,
        inputs_digest=digest_of(inputs),
        decided_at=now,
    )


def evidence(alerts: Sequence[Alert]) -> dict[str, JsonValue]:
    """The alerts that a decision was about: how many, a few of them, and the digest of all."""
    told: list[JsonValue] = [
        {"fingerprint": alert.fingerprint, "severity": alert.severity, "started_at": alert.started_at.isoformat()}
        for alert in alerts
    ]
    return {"alerts": len(told), "sample": told[:SAMPLE_MAX], "alerts_digest": digest_of(told)}


def delivery_alert(tenant: str, delivery: Delivery, since: datetime, now: datetime, *, firing: bool) -> Alert:
    """Flyball about itself: a contact cannot be reached, or can again."""
    contact = contact_of(delivery)
    return Alert(
        tenant=tenant,
        system=FLYBALL,
        rule="notifier.delivery",
        fingerprint=f"notifier.delivery/{contact}"[:256],
        severity=1,
        status=FIRING if firing else RESOLVED,
        summary=f"{contact} was given up on, and the next channel was tried"
        if firing
        else f"{contact} takes messages again",
        observed=f"{delivery.attempts} attempts, the last: {delivery.detail}"[:256],
        threshold="an answer 2xx within the response time",
        window="one delivery",
        sample_size=delivery.attempts,
        owner="operations of Flyball",
        runbook=None,
        done_already=("the message is among the dead letters",),
        labels={"channel": delivery.key.channel, "target": delivery.key.target},
        started_at=since,
        ended_at=None if firing else now,
    )


def contact_of(delivery: Delivery) -> str:
    return f"{delivery.key.channel}/{delivery.key.target}"
