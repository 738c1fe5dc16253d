"""OTLP in JSON form."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

import jiter
from pydantic_core import to_json

from flyball.schemas.unreadable import Unreadable, not_parsed
from telemetry_ingest.adapters.otlp.groups import SCOPE_CHARACTERS_MAX, Group
from telemetry_ingest.adapters.otlp.json_values import (
    as_list,
    as_object,
    as_text,
    identity,
    pair,
    status_code,
    uint64,
)
from telemetry_ingest.adapters.otlp.resources import base_of
from telemetry_ingest.domain.otlp.dialects import meaning
from telemetry_ingest.domain.otlp.evaluations import Where
from telemetry_ingest.domain.otlp.events import LOOKED_AT, EventTold, finish_with_events
from telemetry_ingest.domain.otlp.facts import EvaluationFacts, SpanFacts
from telemetry_ingest.domain.otlp.judging import (
    SPAN_ID_BYTES,
    TRACE_ID_BYTES,
    OtlpLimits,
    check_times,
    parent_id_of,
    parent_is_remote,
    span_id_of,
    trace_id_of,
)
from telemetry_ingest.domain.otlp.logs import Context, LogTold, evaluation_in
from telemetry_ingest.domain.otlp.reading import place
from telemetry_ingest.domain.otlp.rows import SLOT, Row, Unusable, Value

Object = Any
"""Of JSON; anything at all until it was looked at."""
NAME_CHARACTERS_MAX: Final = 256
_REMOTE: Final = SLOT["parent_is_remote"]
_SIGNALS: Final = {
    "traces": ("resourceSpans", "scopeSpans", "spans", "resource_spans.{}.scope_spans.{}.spans"),
    "logs": ("resourceLogs", "scopeLogs", "logRecords", "resource_logs.{}.scope_logs.{}.log_records"),
}


class JsonForm:
    """Reads messages in JSON form."""

    def __init__(self, limits: OtlpLimits, *, keep_contents: bool) -> None:
        self._limits = limits
        self._keep_contents = keep_contents

    def trace_groups(self, body: bytes) -> Iterator[Group[Object]]:
        return self._groups(body, "traces")

    def log_groups(self, body: bytes) -> Iterator[Group[Object]]:
        return self._groups(body, "logs")

    def span(self, body: Object, group: Group[Object], recorded_ns: int) -> SpanFacts:
        """One span. Raises ``Unusable``."""
        span = as_object(body, "")
        row, ranks = group.base.row.copy(), group.base.ranks.copy()
        self._place_all(row, ranks, span)
        start_ns = uint64(span.get("startTimeUnixNano"), "start_time_unix_nano")
        end_ns = uint64(span.get("endTimeUnixNano"), "end_time_unix_nano")
        check_times(start_ns, end_ns, recorded_ns, self._limits)
        trace_id = trace_id_of(identity(span.get("traceId"), TRACE_ID_BYTES, "trace_id"))
        span_id = span_id_of(identity(span.get("spanId"), SPAN_ID_BYTES, "span_id"))
        parent_id = parent_id_of(identity(span.get("parentSpanId"), SPAN_ID_BYTES, "parent_span_id"))
        name = as_text(span.get("name"), "name")[:NAME_CHARACTERS_MAX]
        row[:6] = trace_id, span_id, name, start_ns, end_ns, parent_id
        row[_REMOTE] = None if parent_id is None else parent_is_remote(uint64(span.get("flags"), "flags"))
        where = Where(trace_id, span_id, 0, group.scope_name, group.scope_version)
        return finish_with_events(row, status_code(span.get("status")), self._events(span), where)

    def log(self, body: Object, group: Group[Object], recorded_ns: int) -> EvaluationFacts | None:
        """The evaluation that a log event tells; None for any other event. Raises ``Unusable``."""
        log = as_object(body, "")
        at = uint64(log.get("timeUnixNano"), "time_unix_nano")
        told = LogTold(
            as_text(log.get("eventName"), "event_name"),
            at or uint64(log.get("observedTimeUnixNano"), "observed_time_unix_nano"),
            identity(log.get("traceId"), TRACE_ID_BYTES, "trace_id"),
            identity(log.get("spanId"), SPAN_ID_BYTES, "span_id"),
            lambda: self._values(log),
        )

        def place_all(row: Row, ranks: list[int]) -> None:
            self._place_all(row, ranks, log)

        context = Context(group.base.row, group.base.ranks, place_all, group.scope_name, group.scope_version)
        return evaluation_in(told, context, recorded_ns, self._limits)

    def _groups(self, body: bytes, signal: str) -> Iterator[Group[Object]]:
        resources, scopes, parts, path = _SIGNALS[signal]
        try:
            for outer, one in enumerate(as_list(_document(body).get(resources), resources)):
                resource = as_object(one, resources)
                base = base_of(partial(self._place_resource, resource))
                for inner, told in enumerate(as_list(resource.get(scopes), scopes)):
                    scope = as_object(as_object(told, scopes).get("scope") or {}, "scope")
                    names = [as_text(scope.get(key), "scope")[:SCOPE_CHARACTERS_MAX] for key in ("name", "version")]
                    alone = _alone(signal, resource.get("resource"), scope)
                    found = as_list(told.get(parts), parts)
                    yield Group(path.format(outer, inner), base, names[0], names[1], found, alone)
        except Unusable as error:
            raise Unreadable("invalid_field", error.field, error.detail) from None

    def _place_resource(self, told: Object, row: Row, ranks: list[int]) -> None:
        self._place_all(row, ranks, as_object(told.get("resource") or {}, "attributes"))

    def _place_all(self, row: Row, ranks: list[int], told: Object) -> None:
        for attribute in as_list(told.get("attributes"), "attributes")[: self._limits.attributes_max]:
            key, has_value, value = pair(attribute)
            known = meaning(key, keep_contents=self._keep_contents) if has_value else None
            if known is not None:
                place(row, ranks, known, value)

    def _values(self, told: Object) -> dict[str, Value]:
        attributes = as_list(told.get("attributes"), "attributes")[: self._limits.attributes_max]
        return {key: value for key, has_value, value in map(pair, attributes) if has_value}

    def _events(self, span: Object) -> Iterator[EventTold]:
        for told in as_list(span.get("events"), "events")[: self._limits.events_max]:
            event = as_object(told, "events")
            name = as_text(event.get("name"), "events.name")
            if name in LOOKED_AT:
                at = uint64(event.get("timeUnixNano"), "events.time_unix_nano")
                yield EventTold(name, at, self._values(event))


def _document(body: bytes) -> Object:
    try:
        document = jiter.from_json(body, allow_inf_nan=True)
    except ValueError as error:
        raise not_parsed(error, body) from error
    return as_object(document, "")


def _alone(signal: str, resource: Object, scope: Object) -> Callable[[Object], bytes]:
    resources, scopes, parts, _ = _SIGNALS[signal]
    around = {} if resource is None else {"resource": resource}
    return lambda part: to_json({resources: [{**around, scopes: [{"scope": scope, parts: [part]}]}]})
