"""What feeds tell, as messages. Each id comes out the same when the same fact is made again."""

from uuid import UUID, uuid5

from flyball.bus.messages import fact
from flyball.schemas.alerts import Alert
from flyball.schemas.telemetry import TelemetryException
from flyball.schemas.topics import ALERTS, AUDIT_RECORDS, TELEMETRY_EXCEPTIONS
from flyball.store.ports import Outgoing
from telemetry_ingest.domain.feeds.facts import SERVICE, Fact

NAMESPACE = UUID("3c0e7f59-52b4-5c9e-8a3e-1f8a6c2b7d10")
PUBLISHES = (TELEMETRY_EXCEPTIONS, ALERTS, AUDIT_RECORDS)


def message_of(told: Fact) -> Outgoing:
    if isinstance(told, TelemetryException):
        topic, time = TELEMETRY_EXCEPTIONS, told.seen_at
        # Two partitions may tell the same of one system in the same moment; readers take it once.
        what = f"{told.kind}\n{told.field}\n{told.detail}"
    elif isinstance(told, Alert):
        topic, time = ALERTS, told.ended_at or told.started_at
        what = f"{told.fingerprint}\n{told.status}"
    else:
        topic, time = AUDIT_RECORDS, told.decided_at
        what = f"{told.decision}\n{told.inputs_digest}"
    identity = uuid5(NAMESPACE, f"{topic.name}\n{told.tenant}\n{told.system}\n{what}\n{time.isoformat()}")
    return fact(topic, told, source=SERVICE, identity=identity, system=told.system, time=time)
