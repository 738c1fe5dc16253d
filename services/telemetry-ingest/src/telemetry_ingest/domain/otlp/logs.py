"""Log events that tell of evaluations. All others are somebody else's."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from telemetry_ingest.domain.otlp import evaluations
from telemetry_ingest.domain.otlp.evaluations import Where, evaluation_of
from telemetry_ingest.domain.otlp.facts import EvaluationFacts
from telemetry_ingest.domain.otlp.judging import NO_SPAN, NO_TRACE, OtlpLimits, check_time, span_id_of, trace_id_of
from telemetry_ingest.domain.otlp.rows import Row, Unusable, Value, finish

NAME_ATTRIBUTE: Final = "event.name"
"""Where SDKs before 1.36 put the name of an event."""


class LogTold(NamedTuple):
    """A log event as it was sent. Its attributes are read only if it may be an evaluation."""

    event_name: str
    time_ns: int
    trace_id: bytes
    """Empty or all zero: none, and so is the span's."""
    span_id: bytes
    attributes: Callable[[], Mapping[str, Value]]


class Context(NamedTuple):
    """What stands around a log event."""

    row: Row
    ranks: list[int]
    place: Callable[[Row, list[int]], None]
    """Puts the event's own attributes into a row."""
    scope_name: str
    scope_version: str


def evaluation_in(log: LogTold, context: Context, recorded_ns: int, limits: OtlpLimits) -> EvaluationFacts | None:
    """The evaluation, None for an event that is none. Raises ``Unusable``."""
    if log.event_name not in ("", evaluations.EVENT):
        return None
    told = log.attributes()
    if (log.event_name or told.get(NAME_ATTRIBUTE)) != evaluations.EVENT:
        return None
    if not log.time_ns:
        raise Unusable("missing_field", "time_unix_nano", "neither the event's time nor when it was observed")
    check_time(log.time_ns, recorded_ns, limits, "time_unix_nano")
    row, ranks = context.row.copy(), context.ranks.copy()
    context.place(row, ranks)
    row[:5] = "", "", "", log.time_ns, log.time_ns
    trace_id = None if log.trace_id in (b"", NO_TRACE) else trace_id_of(log.trace_id)
    span_id = None if trace_id is None or log.span_id in (b"", NO_SPAN) else span_id_of(log.span_id)
    where = Where(trace_id, span_id, log.time_ns, context.scope_name, context.scope_version)
    return evaluation_of(told, where, finish(row, 0, None))
