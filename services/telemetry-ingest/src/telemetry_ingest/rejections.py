"""Rejected records as messages: whole, but without personal data as far as they can be read."""

from flyball.bus.messages import fact
from flyball.bus.records import id_of_position
from flyball.schemas.rejected import Position, TelemetryRejected
from flyball.schemas.topics import TELEMETRY_REJECTED
from flyball.store.ports import Outgoing
from telemetry_ingest.domain.feeds.facts import SERVICE
from telemetry_ingest.domain.verdicts import Rejected
from telemetry_ingest.masking.documents import masked_body, masked_headers
from telemetry_ingest.masking.texts import masked


def rejection(rejected: Rejected, kinds: set[str]) -> Outgoing:
    """The message; the kinds of personal data that were masked in it are added to ``kinds``."""
    raw = rejected.raw
    event = TelemetryRejected.model_construct(
        tenant=rejected.tenant,
        system=rejected.system,
        reason=rejected.reason,
        field=_text(rejected.field, kinds),
        detail=_text(rejected.detail, kinds) or "",
        position=Position(topic=raw.topic, partition=raw.partition, offset=raw.offset),
        recorded_at=raw.recorded_at,
        key=raw.key and masked_body(raw.key, kinds),
        headers=masked_headers(tuple(raw.headers), kinds),
        body=raw.value and masked_body(raw.value, kinds),
    )
    identity = id_of_position(raw.topic, raw.partition, raw.offset)
    return fact(
        TELEMETRY_REJECTED, event, source=SERVICE, identity=identity, system=rejected.system, time=raw.recorded_at
    )


def _text(text: str | None, kinds: set[str]) -> str | None:
    if text is None:
        return None
    found = masked(text)
    kinds.update(found.kinds)
    return found.text[: max(len(text), 64)]
