"""Makes a recording steady: ids, times, ports and durations become the same in every recording.

What has an order keeps it: ids are numbered in the order of the spans' starts, times are a millisecond apart.
"""

import json
import re
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

FIRST_TIME_NS = 1_795_000_000_000_000_000
STEP_NS = 1_000_000
PORT = 8080
DURATIONS = re.compile(r"time_to_first|msTo|PerSecond")
DURATION = 12.5
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
LOOPBACK = re.compile(r"127\.0\.0\.1:\d+")
TRACEBACK = re.compile(r"(Traceback \(most recent call last\)|^\w+: [^\n]*\n +at ).*", re.DOTALL)
"""Of Python and of Node; they name files of the machine."""


class Steady:
    """The new ids and times of one recording, learnt from its protobuf form and used on both."""

    def __init__(self, request: ExportTraceServiceRequest) -> None:
        spans = sorted(spans_of(request), key=lambda span: span.start_time_unix_nano)
        traces = dict.fromkeys(span.trace_id.hex() for span in spans)
        parents = [span.span_id.hex() for span in spans]
        self.ids = {old: f"{number:032x}" for number, old in enumerate(traces, 0xA1)}
        self.ids |= {old: f"{number:016x}" for number, old in enumerate(dict.fromkeys(parents), 0xB1)}
        times = {one for span in spans for one in (span.start_time_unix_nano, span.end_time_unix_nano)}
        times |= {event.time_unix_nano for span in spans for event in span.events}
        self.times = {old: FIRST_TIME_NS + number * STEP_NS for number, old in enumerate(sorted(times))}
        self._uuids: dict[str, str] = {}

    def text(self, text: str) -> str:
        text = LOOPBACK.sub(f"127.0.0.1:{PORT}", TRACEBACK.sub("Traceback", text))
        return UUID.sub(lambda found: self._uuid(found[0]), text)

    def _uuid(self, old: str) -> str:
        return self._uuids.setdefault(old, f"00000000-0000-7000-8000-{len(self._uuids):012x}")


def spans_of(request: ExportTraceServiceRequest) -> list[Span]:
    return [span for one in request.resource_spans for scope in one.scope_spans for span in scope.spans]


def steady_protobuf(bodies: list[bytes], steady: Steady) -> bytes:
    # Protobuf messages one after the other are one message.
    request = ExportTraceServiceRequest.FromString(b"".join(bodies))
    for span in spans_of(request):
        span.trace_id = bytes.fromhex(steady.ids[span.trace_id.hex()])
        span.span_id = bytes.fromhex(steady.ids[span.span_id.hex()])
        if span.parent_span_id:
            span.parent_span_id = bytes.fromhex(steady.ids[span.parent_span_id.hex()])
        span.start_time_unix_nano = steady.times[span.start_time_unix_nano]
        span.end_time_unix_nano = steady.times[span.end_time_unix_nano]
        span.status.message = steady.text(span.status.message)
        for attribute in span.attributes:
            _steady_attribute(attribute, steady)
        for event in span.events:
            event.time_unix_nano = steady.times[event.time_unix_nano]
            for attribute in event.attributes:
                _steady_attribute(attribute, steady)
    return request.SerializeToString(deterministic=True)


def _steady_attribute(attribute: KeyValue, steady: Steady) -> None:
    if attribute.value.HasField("string_value"):
        attribute.value.string_value = steady.text(attribute.value.string_value)
    elif attribute.key == "server.port":
        attribute.value.int_value = PORT
    elif DURATIONS.search(attribute.key):
        attribute.value.double_value = DURATION


def steady_json(bodies: list[bytes], steady: Steady) -> bytes:
    documents = [json.loads(body) for body in bodies]
    whole = {"resourceSpans": [one for document in documents for one in document["resourceSpans"]]}
    _steady_tree(whole, steady)
    return json.dumps(whole, indent=1, sort_keys=True).encode() + b"\n"


def _steady_tree(node: Any, steady: Steady) -> None:
    if isinstance(node, list):
        for one in node:
            _steady_tree(one, steady)
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        if key in ("traceId", "spanId", "parentSpanId") and value:
            node[key] = steady.ids[value.lower()]
        elif key.endswith("TimeUnixNano") or key == "timeUnixNano":
            node[key] = str(steady.times[int(value)])
        elif key == "message":
            node[key] = steady.text(value)
        elif key == "attributes":
            for attribute in value:
                _steady_json_attribute(attribute["key"], attribute["value"], steady)
        else:
            _steady_tree(value, steady)


def _steady_json_attribute(key: str, value: dict[str, Any], steady: Steady) -> None:
    if "stringValue" in value:
        value["stringValue"] = steady.text(value["stringValue"])
    elif key == "server.port":
        value["intValue"] = PORT if isinstance(value["intValue"], int) else str(PORT)
    elif DURATIONS.search(key):
        value["doubleValue"] = DURATION
