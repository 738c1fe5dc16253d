"""One message as several, each with the spans of one trace, so that a trace stays on one partition."""

from typing import Any, Final

from google.protobuf.message import DecodeError
from pydantic_core import from_json, to_json

from telemetry_ingest.adapters.otlp.views import SpanView, TracesView
from telemetry_ingest.otlp_ports import Encoding

COPIES_FACTOR: Final = 2
"""Each part repeats resource and scope. Where these would take more than so often the message, it stays whole: then
a trace may lie on several partitions, which costs time and nothing else."""
Part = tuple[bytes | None, bytes]
"""Trace id in hexadecimal digits, None where there are several or none; and a message."""


class TooManyCopiesError(Exception):
    """The parts would be much larger than the whole."""


def parts_by_trace(body: bytes, encoding: Encoding) -> list[Part]:
    """``body``, a message that can be read, as one message for each of its traces."""
    try:
        parts = _json_parts(body) if encoding == "json" else _protobuf_parts(body)
    except (TooManyCopiesError, AttributeError, KeyError, TypeError):
        # JSON of an odd shape is read by those who know all shapes.
        parts = []
    if len(parts) > 1:
        return parts
    return [(parts[0][0] if parts else None, body)]


def _protobuf_parts(body: bytes) -> list[Part]:
    left = COPIES_FACTOR * len(body)
    parts: dict[bytes, Any] = {}
    for resource in TracesView.FromString(body).resource_spans:
        for scope in resource.scope_spans:
            copies: dict[bytes, Any] = {}
            for span in scope.spans:
                trace_id = _trace_id_of(span)
                if trace_id not in copies:
                    left -= len(resource.resource) + scope.scope.ByteSize()
                    _check(left)
                    part = parts.setdefault(trace_id, TracesView())
                    copies[trace_id] = _empty_copy(part, resource, scope)
                copies[trace_id].spans.append(span)
    return [(trace_id.hex().encode(), part.SerializeToString()) for trace_id, part in parts.items()]


def _trace_id_of(span: bytes) -> bytes:
    """Empty for a span that cannot be read: it goes on, to be rejected on the record."""
    try:
        found: bytes = SpanView.FromString(span).trace_id
    except DecodeError:
        return b""
    return found


def _empty_copy(part: Any, resource: Any, scope: Any) -> Any:
    of_part = part.resource_spans.add(schema_url=resource.schema_url, resource=resource.resource)
    copy = of_part.scope_spans.add(schema_url=scope.schema_url)
    copy.scope.CopyFrom(scope.scope)
    return copy


def _json_parts(body: bytes) -> list[Part]:
    left = COPIES_FACTOR * len(body)
    parts: dict[str, list[Any]] = {}
    for resource in from_json(body)["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            around = [{**resource, "scopeSpans": ()}, {**scope, "spans": ()}]
            copies: dict[str, list[Any]] = {}
            size = len(to_json(around))
            for span in scope["spans"]:
                trace_id = str(span["traceId"]).lower()
                if trace_id not in copies:
                    left -= size
                    _check(left)
                    spans = copies[trace_id] = []
                    copy = {**resource, "scopeSpans": [{**scope, "spans": spans}]}
                    parts.setdefault(trace_id, []).append(copy)
                copies[trace_id].append(span)
    return [(trace_id.encode(), to_json({"resourceSpans": part})) for trace_id, part in parts.items()]


def _check(left: int) -> None:
    if left < 0:
        raise TooManyCopiesError
