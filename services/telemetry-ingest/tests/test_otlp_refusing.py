"""OTLP that is wrong or absurd: each part is rejected alone, with its reason and its place."""

import json
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest as Request
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from flyball.schemas.unreadable import Unreadable
from otlp_messages import NOW, SECOND, SPAN, Told, json_of, message, one, read, refused
from telemetry_ingest.adapters.otlp import OtlpReader


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
    small = Request()
    small.resource_spans.add(schema_url="s" * (0x7B - 2))
    assert small.SerializeToString()[:2] == b"\x0a{"
    whole = small.SerializeToString() + message({}).SerializeToString()
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
