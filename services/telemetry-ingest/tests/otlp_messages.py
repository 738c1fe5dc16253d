"""OTLP messages for tests, and what is read of them."""

import json
from collections.abc import Mapping
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest as Request

from telemetry_ingest.adapters.otlp import OtlpReader
from telemetry_ingest.domain.otlp.facts import OtlpRead, SpanFacts
from telemetry_ingest.domain.otlp.judging import OtlpLimits

NOW = 1_795_000_000_000_000_000
SECOND = 1_000_000_000
TRACE, SPAN = bytes(range(16)), bytes(range(8))
Told = Mapping[str, Any]


def put(attributes: Any, told: Told) -> None:
    for name, value in told.items():
        kind = {str: "string_value", bool: "bool_value", int: "int_value", float: "double_value"}.get(type(value))
        pair = attributes.add(key=name)
        if kind is None:
            pair.value.array_value.values.add().string_value = "one"
        else:
            setattr(pair.value, kind, value)


def message(*spans: Told, resource: Told | None = None, **of_each: Any) -> Request:
    """A message with a span for each of ``spans``, which are their attributes."""
    request = Request()
    whole = request.resource_spans.add()
    put(whole.resource.attributes, {"service.name": "claims"} | dict(resource or {}))
    scope = whole.scope_spans.add()
    for told in spans:
        head = {"trace_id": TRACE, "span_id": SPAN, "name": "chat", **of_each}
        head = {"start_time_unix_nano": NOW - SECOND, "end_time_unix_nano": NOW} | head
        put(scope.spans.add(**head).attributes, told)
    return request


def read(request: Request, **limits: Any) -> OtlpRead:
    return OtlpReader(OtlpLimits(**limits)).traces(request.SerializeToString(), "protobuf", NOW)


def one(told: Told, resource: Told | None = None, **head: Any) -> SpanFacts:
    found = read(message(told, resource=resource, **head))
    assert found.rejected == ()
    return found.spans[0]


def refused(told: Told, resource: Told | None = None, **head: Any) -> tuple[str, str]:
    """Reason and field of the middle one of three spans; its neighbours count."""
    request = message({}, told, {}, resource=resource)
    middle = request.resource_spans[0].scope_spans[0].spans[1]
    for name, value in head.items():
        setattr(middle, name, value)
    found = read(request)
    assert (len(found.spans), [part.position for part in found.rejected]) == (2, [1])
    part = found.rejected[0]
    assert part.service_name == "claims"
    again = OtlpReader().traces(part.body, "protobuf", NOW)
    assert ([again.rejected[0].reason], again.spans) == ([part.reason], ())
    return part.reason, (part.field or "").removeprefix("resource_spans.0.scope_spans.0.spans.1").removeprefix(".")


def json_of(request: Request) -> dict[str, Any]:
    """As the Collector writes JSON: ids in hex, 64-bit whole numbers as texts."""
    span = request.resource_spans[0].scope_spans[0].spans[0]
    attributes = [{"key": pair.key, "value": {"stringValue": pair.value.string_value}} for pair in span.attributes]
    told = {"traceId": TRACE.hex(), "spanId": SPAN.hex(), "name": span.name, "attributes": attributes}
    told |= {"startTimeUnixNano": str(NOW - SECOND), "endTimeUnixNano": str(NOW)}
    return {"resourceSpans": [{"scopeSpans": [{"spans": [told]}]}]}


def read_json(**span: Any) -> OtlpRead:
    whole = json_of(message({"gen_ai.operation.name": "chat"}))
    whole["resourceSpans"][0]["scopeSpans"][0]["spans"][0] |= span
    return OtlpReader().traces(json.dumps(whole).encode(), "auto", NOW)
