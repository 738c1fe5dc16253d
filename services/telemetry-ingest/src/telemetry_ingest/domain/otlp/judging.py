"""What must hold of every span and log event, whichever form it came in."""

from dataclasses import dataclass
from typing import Final

from telemetry_ingest.domain.otlp.rows import Unusable

TRACE_ID_BYTES: Final = 16
SPAN_ID_BYTES: Final = 8
NO_TRACE: Final = bytes(TRACE_ID_BYTES)
NO_SPAN: Final = bytes(SPAN_ID_BYTES)
SECOND_NS: Final = 1_000_000_000
DAY_NS: Final = 86_400 * SECOND_NS
PARENT_IS_TOLD: Final = 0x100
PARENT_IS_REMOTE: Final = 0x200


@dataclass(frozen=True, slots=True)
class OtlpLimits:
    """Bounds of one OTLP message. Times are compared with the broker's append time, never with a clock."""

    body_bytes_max: int = 16_777_216
    """Of a message as it is read, so after decompression."""
    spans_max: int = 50_000
    """Spans, or log events, of one message."""
    attributes_max: int = 512
    """Of one span, event or resource; those after it are not looked at."""
    events_max: int = 256
    """Of one span; those after it are not looked at."""
    future_ns_max: int = 300 * SECOND_NS
    past_ns_max: int = 7 * DAY_NS


def trace_id_of(identity: bytes) -> str:
    if len(identity) != TRACE_ID_BYTES or identity == NO_TRACE:
        raise Unusable("invalid_field", "trace_id", f"expected {TRACE_ID_BYTES} bytes that are not all zero")
    return identity.hex()


def span_id_of(identity: bytes, field: str = "span_id") -> str:
    if len(identity) != SPAN_ID_BYTES or identity == NO_SPAN:
        raise Unusable("invalid_field", field, f"expected {SPAN_ID_BYTES} bytes that are not all zero")
    return identity.hex()


def parent_id_of(identity: bytes) -> str | None:
    """All zero is no parent, as exporters without a null write it."""
    return None if not identity or identity == NO_SPAN else span_id_of(identity, "parent_span_id")


def parent_is_remote(flags: int) -> bool | None:
    """Whether the parent ran in another process; None where the sender does not say."""
    return bool(flags & PARENT_IS_REMOTE) if flags & PARENT_IS_TOLD else None


def check_times(start_ns: int, end_ns: int, recorded_ns: int, limits: OtlpLimits) -> None:
    """Raises ``Unusable`` for a span that never ended, ran backwards, or has a clock that cannot be right."""
    if not start_ns or not end_ns:
        field = "start_time_unix_nano" if not start_ns else "end_time_unix_nano"
        raise Unusable("missing_field", field, "a span is read when it has ended; the time is missing")
    if not 0 <= end_ns - start_ns <= DAY_NS:
        raise Unusable(
            "invalid_field", "end_time_unix_nano", f"{end_ns - start_ns} ns after the start: from 0 to a day"
        )
    check_time(end_ns, recorded_ns, limits, "end_time_unix_nano")


def check_time(at_ns: int, recorded_ns: int, limits: OtlpLimits, field: str) -> None:
    ahead = at_ns - recorded_ns
    if ahead > limits.future_ns_max:
        raise Unusable("time_in_future", field, f"{ahead / SECOND_NS:.0f} s after its arrival: set the sender's clock")
    if -ahead > limits.past_ns_max:
        raise Unusable("time_too_old", field, f"{-ahead / SECOND_NS:.0f} s before its arrival")
