"""Incidents, receipts and silences as JSON. A severity always says its scheme."""

from datetime import datetime
from typing import Any

from notifier.domain.board import Delivery, Incident, KnownAlert
from notifier.domain.inputs import Silence
from notifier.domain.severity import to_wire


def incident(shown: Incident) -> dict[str, Any]:
    return {
        "id": shown.id,
        "title": shown.title,
        "state": shown.state,
        "severity": to_wire(shown.severity).model_dump(),
        "systems": list(shown.systems[:256]),
        "system_count": len(shown.systems),
        "epoch": shown.epoch,
        "storm": shown.storm,
        "fingerprint_count": len(shown.fingerprints),
        "acknowledged_by": shown.acknowledged_by,
        "acknowledged_at": moment(shown.acknowledged_at),
        "detected_at": moment(shown.detected_at),
        "resolved_at": moment(shown.resolved_at),
    }


def child(shown: KnownAlert) -> dict[str, Any]:
    said = shown.alert.model_dump(mode="json", exclude={"severity"})
    return {**said, "severity": to_wire(shown.alert.severity).model_dump(), "ended_at": moment(shown.ended_at)}


def delivery(shown: Delivery) -> dict[str, Any]:
    key = shown.key
    return {
        "incident": key.incident,
        "epoch": key.epoch,
        "step": key.step,
        "action": key.action,
        "channel": key.channel,
        "target": key.target,
        "state": shown.state,
        "attempts": shown.attempts,
        "detail": shown.detail,
        "decided_at": moment(shown.decided_at),
        "not_before": moment(shown.not_before),
    }


def silence(shown: Silence) -> dict[str, Any]:
    return {
        "id": shown.id,
        "matchers": [{"name": m.name, "operation": m.operation, "value": m.value} for m in shown.matchers],
        "starts_at": moment(shown.starts_at),
        "ends_at": moment(shown.ends_at),
        "author": shown.author,
        "comment": shown.comment,
    }


def moment(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
