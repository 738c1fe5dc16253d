"""``telemetry.rejected.v1`` and the dead letters: what could not be read, whole, so that it can be repaired."""

from pydantic import ConfigDict, Field

from flyball.schemas.base import Count, Event, Name, ShortText, Text, UtcTime


class Position(Event):
    """Where a record stands: topic, partition and offset."""

    topic: Text
    partition: Count
    offset: Count


class BuriedRecord(Event):
    """A record as it arrived, and why it was put aside. Its bytes are plain in Python and base64 in JSON."""

    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")

    reason: ShortText
    field: str | None = Field(default=None, max_length=256)
    detail: str = Field(max_length=1024)
    position: Position
    recorded_at: UtcTime
    key: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    """Kafka lets a header have no value."""
    body: bytes | None


class TelemetryRejected(BuriedRecord):
    """A raw event that broke the schema. ``system`` is ``unknown`` where neither subject nor key could be read."""

    tenant: Name
    system: Name
