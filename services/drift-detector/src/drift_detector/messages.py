"""Facts as messages. Each id comes out the same when the same fact is made again."""

from datetime import datetime
from uuid import UUID, uuid5

from drift_detector.domain.facts import Fact
from drift_detector.domain.finding import SERVICE
from flyball.bus.messages import fact
from flyball.schemas.alerts import Alert
from flyball.schemas.drift import DriftReference, DriftReport, RetrainingRequested
from flyball.schemas.topics import (
    ALERTS,
    AUDIT_RECORDS,
    DRIFT_REFERENCES,
    DRIFT_REPORTS,
    RETRAINING_REQUESTS,
)
from flyball.store.ports import Outgoing

NAMESPACE = UUID("8f0f4b6e-6c1d-5d8e-9c0b-2a4f7e51b3d9")
PUBLISHES = (DRIFT_REPORTS, DRIFT_REFERENCES, RETRAINING_REQUESTS, ALERTS, AUDIT_RECORDS)


def message_of(told: Fact, at: datetime) -> Outgoing:
    """``at``: the time of the record, or of the person's word, that led to it."""
    identity = uuid5(NAMESPACE, f"{told.tenant}\n{told.system}\n{_identity(told)}\n{at.isoformat()}")
    if isinstance(told, DriftReference):
        key = f"{told.tenant}/{told.system}/{told.version}".encode()
        return fact(
            DRIFT_REFERENCES, told, source=SERVICE, identity=identity, system=told.system, time=told.created_at, key=key
        )
    topics = {DriftReport: DRIFT_REPORTS, RetrainingRequested: RETRAINING_REQUESTS, Alert: ALERTS}
    topic = topics.get(type(told), AUDIT_RECORDS)
    return fact(topic, told, source=SERVICE, identity=identity, system=told.system, time=at)


def _identity(told: Fact) -> str:
    if isinstance(told, DriftReference):
        return f"reference\n{told.version}"
    if isinstance(told, DriftReport):
        return f"report\n{told.episode}\n{told.state}\n{told.severity}\n{told.pane_start.isoformat()}"
    if isinstance(told, RetrainingRequested):
        return f"retraining\n{told.episode}\n{told.priority}"
    if isinstance(told, Alert):
        return f"alert\n{told.fingerprint}\n{told.status}\n{told.labels['severity']}\n{told.labels['episode']}"
    return f"audit\n{told.subject}\n{told.decision}\n{told.inputs_digest}"
