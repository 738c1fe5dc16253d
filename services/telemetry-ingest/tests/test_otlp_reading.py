"""OTLP that is right, wrong and absurd: each part is read or rejected alone, and nothing else ever happens."""

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest as Request
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData

from flyball.schemas.unreadable import Unreadable
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


def test_our_own_attributes() -> None:
    span = one(
        {
            "flyball.release": "3.0.0",
            "flyball.confidence": 0.75,
            "flyball.hitl.escalated": True,
            "flyball.hitl.autonomous": "false",
            "flyball.segment.market": "de",
            "flyball.sample.rate": 0.1,
            "flyball.outcome.success": True,
            "flyball.outcome.business_value_micro_usd": 2_500_000,
        },
        resource={"service.version": "2.0.0", "flyball.segment.plan": "pro", "flyball.tenant": "Retail"},
    )
    assert (span.release, span.tenant, span.confidence, span.sample_rate) == ("3.0.0", "retail", 0.75, 0.1)
    assert (span.escalated, span.autonomous) == (True, False)
    assert span.segment == {"plan": "pro", "market": "de"}
    assert span.outcome is not None
    assert (span.outcome.success, span.outcome.business_value_micro_usd) == (True, 2_500_000)


def test_the_first_present_wins_in_any_order() -> None:
    names = {"llm.model_name": "third", "gen_ai.request.model": "second", "gen_ai.response.model": "first"}
    assert one(names).model == one(dict(reversed(names.items()))).model == "first"
    assert one({"service.version": "2"}, resource={"service.version": "1"}).release == "2"


@pytest.mark.parametrize(
    ("told", "tokens"),
    [
        ({"gen_ai.usage.input_tokens": "120", "gen_ai.usage.cache_read.input_tokens": 20}, (120, None)),
        ({"gen_ai.usage.input_tokens": 5, "gen_ai.usage.cache_read.input_tokens": 20}, (25, None)),
        ({"llm.token_count.total": 9, "gen_ai.aggregated_usage.input_tokens": 9}, (None, None)),
        ({"gen_ai.usage.prompt_tokens": 7.0, "gen_ai.usage.completion_tokens": 3}, (7, 3)),
        ({"gen_ai.usage.output_tokens": 0}, (None, 0)),
    ],
)
def test_tokens(told: Told, tokens: tuple[int | None, int | None]) -> None:
    span = one(told)
    assert (span.input_tokens, span.output_tokens) == tokens


@pytest.mark.parametrize(
    ("told", "role"),
    [
        ({"gen_ai.system": "openai", "gen_ai.request.model": "gpt-4", "gen_ai.usage.prompt_tokens": 1}, "inference"),
        ({"llm.request.type": "chat"}, "inference"),
        ({"traceloop.span.kind": "workflow", "traceloop.entity.name": "claims"}, "workflow"),
        ({"gen_ai.operation.name": "dream", "openinference.span.kind": "TOOL"}, "tool"),
        ({"http.request.method": "GET"}, "other"),
    ],
)
def test_roles(told: Told, role: str) -> None:
    assert one(told).role == role


def test_errors() -> None:
    request = message({}, status={"code": 2, "message": "no"})
    request.resource_spans[0].scope_spans[0].spans[0].events.add(name="exception")
    assert read(request).spans[0].error == "error"
    assert one({}, status={"code": 2}).error == "error"
    assert one({"error.type": "timeout"}).error == "timeout"
    assert one({}, status={"code": 1}).error is None


@pytest.mark.parametrize(("flags", "remote"), [(0x1, None), (0x101, False), (0x301, True)])
def test_where_the_parent_ran(flags: int, remote: bool | None) -> None:
    assert one({}, parent_span_id=SPAN, flags=flags).parent_is_remote is remote
    assert read_json(parentSpanId=SPAN.hex(), flags=flags).spans[0].parent_is_remote is remote
    assert one({}, flags=flags).parent_is_remote is None


def test_contents_are_not_kept_unless_somebody_said_so() -> None:
    body = message({"gen_ai.input.messages": "my card is 4111"}).SerializeToString()
    assert OtlpReader().traces(body, "protobuf", NOW).spans[0].contents == {}
    kept = OtlpReader(keep_contents=True).traces(body, "protobuf", NOW).spans[0]
    assert kept.contents == {"gen_ai.input.messages": "my card is 4111"}


@pytest.mark.parametrize(
    ("head", "reason", "field"),
    [
        ({"trace_id": b""}, "invalid_field", "trace_id"),
        ({"trace_id": bytes(16)}, "invalid_field", "trace_id"),
        ({"span_id": b"seven.."}, "invalid_field", "span_id"),
        ({"parent_span_id": b"x"}, "invalid_field", "parent_span_id"),
        ({"start_time_unix_nano": 0}, "missing_field", "start_time_unix_nano"),
        ({"end_time_unix_nano": NOW - 2 * SECOND}, "invalid_field", "end_time_unix_nano"),
        ({"start_time_unix_nano": NOW - 90_000 * SECOND}, "invalid_field", "end_time_unix_nano"),
        ({"start_time_unix_nano": 2**62, "end_time_unix_nano": 2**62}, "time_in_future", "end_time_unix_nano"),
        ({"start_time_unix_nano": SECOND, "end_time_unix_nano": SECOND}, "time_too_old", "end_time_unix_nano"),
    ],
)
def test_a_bad_head_is_rejected_alone(head: dict[str, Any], reason: str, field: str) -> None:
    assert refused({}, **head) == (reason, field)


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"gen_ai.usage.input_tokens": -1}, "invalid_field"),
        ({"gen_ai.usage.input_tokens": 10**10}, "invalid_field"),
        ({"gen_ai.usage.input_tokens": "many"}, "invalid_field"),
        ({"gen_ai.usage.input_tokens": float("nan")}, "not_finite"),
        ({"gen_ai.usage.output_tokens": True}, "invalid_field"),
        ({"gen_ai.request.model": ["a", "list"]}, "invalid_field"),
        ({"flyball.confidence": 1.5}, "invalid_field"),
        ({"flyball.sample.rate": 0.0}, "invalid_field"),
        ({"flyball.release": "no spaces please"}, "invalid_field"),
        ({"flyball.hitl.escalated": "perhaps"}, "invalid_field"),
    ],
)
def test_a_bad_attribute_is_rejected_alone(told: Told, reason: str) -> None:
    assert refused(told) == (reason, f"attributes.{next(iter(told))}")


def test_a_bad_resource_rejects_each_of_its_spans() -> None:
    request = message({}, {}, resource={"flyball.release": "?"})
    request.MergeFrom(message({}))
    found = read(request)
    assert [part.field for part in found.rejected] == ["resource_spans.0.resource.attributes.flyball.release"] * 2
    assert len(found.spans) == 1


def test_more_labels_than_may_be() -> None:
    labels = {f"flyball.segment.l{number}": "x" for number in range(17)}
    assert refused(labels) == ("invalid_field", "attributes.flyball.segment.l16")


def test_bytes_that_are_no_span_between_good_ones() -> None:
    good = message({}).SerializeToString()
    outer = message({}, {}, {})
    spans = outer.resource_spans[0].scope_spans[0].spans
    spans[1].name = "NAME"
    body = outer.SerializeToString().replace(b"NAME", b"\xff\xfe\xff\xfe")
    found = OtlpReader().traces(body, "protobuf", NOW)
    assert (len(found.spans), [part.reason for part in found.rejected]) == (2, ["not_protobuf"])
    assert OtlpReader().traces(good, "protobuf", NOW).spans[0].span_id == SPAN.hex()


def test_a_span_with_a_hundred_thousand_attributes() -> None:
    request = message({"gen_ai.operation.name": "chat"}, {})
    request.resource_spans[0].scope_spans[0].spans[0].attributes.extend([KeyValue(key="key")] * 100_000)
    assert [span.role for span in read(request).spans] == ["inference", "other"]


def test_texts_are_cut() -> None:
    span = one({"gen_ai.request.model": "m" * 10_000, "error.type": "e" * 10_000}, name="n" * 10_000)
    assert (len(span.model or ""), len(span.error or ""), len(span.name)) == (256, 64, 256)


def test_a_message_of_too_many_spans() -> None:
    with pytest.raises(Unreadable, match="too_large"):
        read(message({}, {}, {}), spans_max=2)
    with pytest.raises(Unreadable, match="too_large"):
        read(message({}), body_bytes_max=10)


def test_protobuf_that_begins_like_json() -> None:
    request = message({})
    request.resource_spans[0].schema_url = "s" * 1_000
    size = request.resource_spans[0].ByteSize()
    request.resource_spans[0].schema_url = "s" * (1_000 - size + (0x7B | 8 << 7))
    body = request.SerializeToString()
    assert body[:2] == b"\x0a\xfb"
    small = Request()
    small.resource_spans.add(schema_url="s" * (0x7B - 2))
    assert small.SerializeToString()[:2] == b"\x0a{"
    whole = small.SerializeToString() + body
    assert len(OtlpReader().traces(whole, "auto", NOW).spans) == 1


def test_json_that_begins_like_protobuf() -> None:
    body = b"\n" + json.dumps(json_of(message({}))).encode()
    assert len(OtlpReader().traces(body, "json", NOW).spans) == 1
    with pytest.raises(Unreadable):
        OtlpReader().traces(body, "auto", NOW)


@pytest.mark.parametrize(
    ("body", "encoding", "reason"),
    [
        (b"", "auto", "empty_body"),
        (None, "protobuf", "empty_body"),
        (b"{", "auto", "not_json"),
        (b"\xff" * 50, "auto", "not_protobuf"),
        (b'{"resourceSpans": 5}', "auto", "invalid_field"),
        (b"[]", "json", "invalid_field"),
        (b"{}", "json", "missing_field"),
        (b'{"a":' * 5_000, "json", "too_deep"),
        (b'{"a": "\xff"}', "json", "not_utf8"),
    ],
)
def test_messages_that_cannot_be_read(body: bytes | None, encoding: Any, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        OtlpReader().traces(body, encoding, NOW)


@pytest.mark.parametrize(
    "write", [bytes.hex, lambda raw: raw.hex().upper(), lambda raw: base64.b64encode(raw).decode()]
)
def test_ids_of_json(write: Any) -> None:
    span = read_json(traceId=write(TRACE), spanId=write(SPAN), parentSpanId="").spans[0]
    assert (span.trace_id, span.span_id, span.parent_span_id) == (TRACE.hex(), SPAN.hex(), None)


def test_enums_and_numbers_of_json() -> None:
    tokens = {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "120"}}
    span = read_json(status={"code": "STATUS_CODE_ERROR"}, attributes=[tokens], endTimeUnixNano=NOW).spans[0]
    assert (span.error, span.input_tokens, span.end_ns) == ("error", 120, NOW)
    assert read_json(status={"code": 2}).spans[0].error == "error"


@pytest.mark.parametrize(
    ("span", "field"),
    [
        ({"traceId": "z" * 32}, "trace_id"),
        ({"traceId": 7}, "trace_id"),
        ({"startTimeUnixNano": "-5"}, "start_time_unix_nano"),
        ({"startTimeUnixNano": "1e9"}, "start_time_unix_nano"),
        ({"status": {"code": "BAD"}}, "status.code"),
        ({"attributes": [{"key": 1}]}, "attributes.key"),
        ({"attributes": [{"key": "service.name", "value": {"stringValue": 1}}]}, "attributes.service.name"),
        ({"attributes": {}}, "attributes"),
        ({"events": [5]}, "events"),
        ({"name": ["no"]}, "name"),
    ],
)
def test_a_bad_span_of_json_is_rejected_alone(span: dict[str, Any], field: str) -> None:
    found = read_json(**span)
    assert [(part.reason, part.field) for part in found.rejected] == [
        ("invalid_field", f"resource_spans.0.scope_spans.0.spans.0.{field}")
    ]
    assert json.loads(found.rejected[0].body)["resourceSpans"][0]["scopeSpans"][0]["spans"][0] == json.loads(
        json.dumps(
            json_of(message({"gen_ai.operation.name": "chat"}))["resourceSpans"][0]["scopeSpans"][0]["spans"][0] | span
        )
    )


def judged(told: Told, **head: Any) -> LogsData:
    logs = LogsData()
    whole = logs.resource_logs.add()
    put(whole.resource.attributes, {"service.name": "claims", "flyball.release": "3.0.0"})
    scope = whole.scope_logs.add()
    scope.scope.name, scope.scope.version = "my-judge", "1.2"
    head = {"time_unix_nano": NOW, "event_name": "gen_ai.evaluation.result", "trace_id": TRACE, "span_id": SPAN} | head
    put(scope.log_records.add(**head).attributes, told)
    scope.log_records.add(time_unix_nano=NOW, body={"string_value": "something else"})
    return logs


def read_logs(logs: LogsData) -> OtlpRead:
    return OtlpReader().logs(logs.SerializeToString(), "protobuf", NOW)


RELEVANT = {
    "gen_ai.evaluation.name": "Relevance",
    "gen_ai.evaluation.score.value": 0.8,
    "gen_ai.evaluation.score.label": "pass",
}


def test_an_evaluation_told_as_a_log_event() -> None:
    found = read_logs(judged(RELEVANT | {"flyball.sample.rate": 0.5}))
    assert (found.ignored, found.rejected) == (1, ())
    evaluation = found.evaluations[0]
    assert (evaluation.metric, evaluation.score, evaluation.passed, evaluation.label) == (
        "relevance",
        0.8,
        True,
        "pass",
    )
    assert (evaluation.evaluator, evaluation.evaluator_version, evaluation.sample_rate) == ("my-judge", "1.2", 0.5)
    assert (evaluation.trace_id, evaluation.span_id, evaluation.time_ns) == (TRACE.hex(), SPAN.hex(), NOW)
    assert (evaluation.service_name, evaluation.release) == ("claims", "3.0.0")


def test_an_evaluation_named_by_an_attribute_or_by_a_response() -> None:
    named = judged(RELEVANT | {"event.name": "gen_ai.evaluation.result"}, event_name="")
    assert len(read_logs(named).evaluations) == 1
    alone = judged(RELEVANT | {"gen_ai.response.id": "resp_1"}, trace_id=b"", span_id=b"")
    assert read_logs(alone).evaluations[0].response_id == "resp_1"


@pytest.mark.parametrize(
    ("told", "head", "reason", "field"),
    [
        ({"gen_ai.evaluation.score.value": 4.2}, {}, "invalid_field", "attributes.gen_ai.evaluation.score.value"),
        ({"gen_ai.evaluation.name": "?"}, {}, "missing_field", "attributes.gen_ai.evaluation.name"),
        ({}, {"trace_id": b"", "span_id": b""}, "missing_field", "trace_id"),
        ({}, {"time_unix_nano": 0}, "missing_field", "time_unix_nano"),
        ({}, {"time_unix_nano": SECOND}, "time_too_old", "time_unix_nano"),
        ({}, {"trace_id": b"short"}, "invalid_field", "trace_id"),
    ],
)
def test_a_bad_evaluation_is_rejected_alone(told: Told, head: dict[str, Any], reason: str, field: str) -> None:
    found = read_logs(judged(RELEVANT | dict(told), **head))
    assert [(part.reason, part.field) for part in found.rejected] == [
        (reason, f"resource_logs.0.scope_logs.0.log_records.0.{field}")
    ]
    assert found.ignored == 1


def test_an_evaluation_told_as_an_event_of_its_span() -> None:
    request = message({"gen_ai.agent.name": "claims-agent", "gen_ai.response.id": "resp_1"})
    span = request.resource_spans[0].scope_spans[0].spans[0]
    put(span.events.add(name="gen_ai.evaluation.result", time_unix_nano=NOW).attributes, RELEVANT)
    put(span.events.add(name="exception").attributes, {"exception.type": "TimeoutError"})
    found = read(request).spans[0]
    assert found.error == "TimeoutError"
    assert [(one.metric, one.agent, one.span_id, one.response_id) for one in found.evaluations] == [
        ("relevance", "claims-agent", SPAN.hex(), "resp_1")
    ]


def test_the_shape_of_a_pair_does_not_matter() -> None:
    """Written value first, or in pieces: protobuf allows both, and it is the same attribute."""
    pair = KeyValue(key="gen_ai.request.model", value={"string_value": "gpt"})
    key, value = KeyValue(key=pair.key).SerializeToString(), KeyValue(value=pair.value).SerializeToString()
    whole = message({})
    plain = pair.SerializeToString()
    for written in (plain, value + key, value + plain):
        span = whole.resource_spans[0].scope_spans[0].spans[0]
        body = span.SerializeToString() + b"\x4a" + bytes([len(written)]) + written
        scope = b"\x12" + _size(body) + body
        outer = b"\x12" + _size(scope) + scope
        found = OtlpReader().traces(b"\x0a" + _size(outer) + outer, "protobuf", NOW)
        assert found.spans[0].model == "gpt"


def _size(body: bytes) -> bytes:
    return bytes([len(body)]) if len(body) < 0x80 else bytes([len(body) & 0x7F | 0x80, len(body) >> 7])
