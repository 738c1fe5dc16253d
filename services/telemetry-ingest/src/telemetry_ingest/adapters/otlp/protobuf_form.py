"""OTLP in protobuf form, as the Collector's Kafka exporter and most SDKs write it."""

from collections.abc import Iterator
from typing import Any, Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from flyball.schemas.unreadable import Unreadable
from telemetry_ingest.adapters.otlp.attributes import Pairs, key_of, value_of
from telemetry_ingest.adapters.otlp.groups import SCOPE_CHARACTERS_MAX, Group
from telemetry_ingest.adapters.otlp.resources import Base, Bases, base_of
from telemetry_ingest.adapters.otlp.views import (
    EventView,
    LogsView,
    LogView,
    ResourceView,
    SpanEventsView,
    SpanView,
    TracesView,
)
from telemetry_ingest.domain.otlp.evaluations import Where
from telemetry_ingest.domain.otlp.events import LOOKED_AT, EventTold, finish_with_events
from telemetry_ingest.domain.otlp.facts import EvaluationFacts, SpanFacts
from telemetry_ingest.domain.otlp.judging import (
    OtlpLimits,
    check_times,
    parent_id_of,
    parent_is_remote,
    span_id_of,
    trace_id_of,
)
from telemetry_ingest.domain.otlp.logs import Context, LogTold, evaluation_in
from telemetry_ingest.domain.otlp.rows import SLOT, Row, Unusable, Value, finish

NAME_CHARACTERS_MAX: Final = 256
_REMOTE: Final = SLOT["parent_is_remote"]
_STATUS_CODES: Final = {b"": 0, b"\x18\x01": 1, b"\x18\x02": 2}
"""Statuses without a message."""


class ProtobufForm:
    """Reads messages in protobuf form. Remembers what comes again and again, within bounds."""

    def __init__(self, limits: OtlpLimits, *, keep_contents: bool) -> None:
        self._limits = limits
        self._pairs = Pairs(keep_contents=keep_contents)
        self._bases = Bases(self._base)

    def trace_groups(self, body: bytes) -> Iterator[Group[bytes]]:
        for outer, one in enumerate(_message(TracesView, body).resource_spans):
            base = self._bases.of(one.resource)
            for inner, scope in enumerate(one.scope_spans):
                path = f"resource_spans.{outer}.scope_spans.{inner}.spans"
                yield _group(path, base, scope.scope, list(scope.spans), _one_span(one.resource, scope.scope))

    def log_groups(self, body: bytes) -> Iterator[Group[bytes]]:
        for outer, one in enumerate(_message(LogsView, body).resource_logs):
            base = self._bases.of(one.resource)
            for inner, scope in enumerate(one.scope_logs):
                path = f"resource_logs.{outer}.scope_logs.{inner}.log_records"
                yield _group(path, base, scope.scope, list(scope.log_records), _one_log(one.resource, scope.scope))

    def span(self, body: bytes, group: Group[bytes], recorded_ns: int) -> SpanFacts:
        """One span. Raises ``Unusable``."""
        try:
            span = SpanView.FromString(body)
        except DecodeError as error:
            raise Unusable("not_protobuf", "", str(error)) from None
        base = group.base
        row, ranks = base.row.copy(), base.ranks.copy()
        self._pairs.place_all(row, ranks, span.attributes[: self._limits.attributes_max])
        start_ns, end_ns, parent = span.start_time_unix_nano, span.end_time_unix_nano, span.parent_span_id
        check_times(start_ns, end_ns, recorded_ns, self._limits)
        trace_id, span_id = trace_id_of(span.trace_id), span_id_of(span.span_id)
        parent_id = parent_id_of(parent) if parent else None
        row[:6] = trace_id, span_id, span.name[:NAME_CHARACTERS_MAX], start_ns, end_ns, parent_id
        row[_REMOTE] = parent_is_remote(span.flags) if parent else None
        status = _STATUS_CODES.get(span.status)
        if status is None:
            status = _part(Status, span.status).code
        if not span.events:
            return finish(row, status, None)
        where = Where(trace_id, span_id, 0, group.scope_name, group.scope_version)
        return finish_with_events(row, status, self._events(body), where)

    def log(self, body: bytes, group: Group[bytes], recorded_ns: int) -> EvaluationFacts | None:
        """The evaluation that a log event tells; None for any other event. Raises ``Unusable``."""
        log = _part(LogView, body)
        pairs = log.attributes[: self._limits.attributes_max]
        told = LogTold(
            log.event_name,
            log.time_unix_nano or log.observed_time_unix_nano,
            log.trace_id,
            log.span_id,
            lambda: _values(pairs),
        )

        def place(row: Row, ranks: list[int]) -> None:
            self._pairs.place_all(row, ranks, pairs)

        context = Context(group.base.row, group.base.ranks, place, group.scope_name, group.scope_version)
        return evaluation_in(told, context, recorded_ns, self._limits)

    def _events(self, span: bytes) -> Iterator[EventTold]:
        for body in _part(SpanEventsView, span).events[: self._limits.events_max]:
            event = _part(EventView, body)
            if event.name in LOOKED_AT:
                pairs = event.attributes[: self._limits.attributes_max]
                yield EventTold(event.name, event.time_unix_nano, _values(pairs))

    def _base(self, resource: bytes) -> Base:
        def place(row: Row, ranks: list[int]) -> None:
            attributes = _part(ResourceView, resource).attributes
            self._pairs.place_all(row, ranks, attributes[: self._limits.attributes_max])

        return base_of(place)


def _values(pairs: list[bytes]) -> dict[str, Value]:
    """All attributes by name, for the few places that need a handful of them."""
    told: dict[str, Value] = {}
    for pair in pairs:
        has_value, value = value_of(pair)
        if has_value:
            told[key_of(pair).decode("utf-8", "replace")] = value
    return told


def _group(path: str, base: Base, scope: Any, parts: list[bytes], alone: Any) -> Group[bytes]:
    name, version = scope.name[:SCOPE_CHARACTERS_MAX], scope.version[:SCOPE_CHARACTERS_MAX]
    return Group(path, base, name, version, parts, alone)


def _one_span(resource: bytes, scope: Any) -> Any:
    def alone(part: bytes) -> bytes:
        scopes = [{"scope": scope, "spans": [part]}]
        whole: bytes = TracesView(resource_spans=[{"resource": resource, "scope_spans": scopes}]).SerializeToString()
        return whole

    return alone


def _one_log(resource: bytes, scope: Any) -> Any:
    def alone(part: bytes) -> bytes:
        scopes = [{"scope": scope, "log_records": [part]}]
        whole: bytes = LogsView(resource_logs=[{"resource": resource, "scope_logs": scopes}]).SerializeToString()
        return whole

    return alone


def _message(view: Any, body: bytes) -> Any:
    try:
        return view.FromString(body)
    except DecodeError as error:
        raise Unreadable("not_protobuf", None, f"{error}: is the topic's encoding really protobuf?") from None


def _part(view: Any, body: bytes) -> Any:
    try:
        return view.FromString(body)
    except DecodeError as error:
        raise Unusable("not_protobuf", "", str(error)) from None
