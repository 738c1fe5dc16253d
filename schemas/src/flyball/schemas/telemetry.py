"""What a system spec says of its telemetry, and ``telemetry.exceptions.v1``: what is wrong with a feed."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from flyball.schemas.base import Count, Event, Name, ShortText, Text, UtcTime

ExceptionKind = Literal["feed.quarantined", "feed.released", "pii.detected", "model.unpriced", "system.undeclared"]


class Expectation(Event):
    """What one field or feature should hold. A range is of numbers, ``allowed`` of texts."""

    type: Literal["number", "integer", "text", "boolean"] | None = None
    minimum: float | None = None
    maximum: float | None = None
    allowed: Annotated[tuple[Text, ...], Field(max_length=256)] = ()
    required: bool = False
    null_ppm_max: int = Field(default=1_000_000, ge=0, le=1_000_000)
    """Nulls and missing ones, of all rows that could have the field."""
    broken_ppm_max: int = Field(default=10_000, ge=0, le=1_000_000)

    @model_validator(mode="after")
    def _range_has_room(self) -> "Expectation":
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError("minimum is above maximum")
        return self


class ModelPrice(Event):
    """What a system really pays, in micro-dollars for a million tokens. Cached ones are part of the input."""

    input_micro_usd: Count
    output_micro_usd: Count
    cached_input_micro_usd: Count | None = None


class TelemetryPolicy(Event):
    """How the events of one system are read."""

    expectations: Annotated[dict[Text, Expectation], Field(max_length=64)] = {}
    """By field of an event's data, for example ``latency_ms``, or by feature, ``features.amount``."""
    quarantine_rows_min: int = Field(default=200, ge=1, le=1_000_000)
    """Rows of one field within ``quarantine_window_seconds`` before a rate says anything."""
    quarantine_window_seconds: int = Field(default=300, ge=10, le=86_400)
    label_values_max: int = Field(default=100, ge=1, le=1_000)
    """Of one label key; what is more counts as ``other``."""
    segments_max: int = Field(default=1_000, ge=1, le=5_000)
    """Combinations of labels; what is more counts as ``other=other``."""
    join_horizon_days: int = Field(default=30, ge=0, le=90)
    """How long a prediction or an interaction waits for its truth. 0: it does not."""
    prices: Annotated[dict[Text, ModelPrice], Field(max_length=256)] = {}
    """By ``provider/model``; they go before the list prices."""


class TelemetryException(Event):
    """A feed is not what it should be. ``field`` is what it was seen in."""

    tenant: Name
    system: Name
    kind: ExceptionKind
    field: Text | None
    detail: Annotated[str, Field(max_length=1_024)]
    """What was seen, never the personal data itself."""
    count: Count
    seen_at: UtcTime
    release: ShortText | None = None
