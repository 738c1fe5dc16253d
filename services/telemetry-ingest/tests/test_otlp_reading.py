"""What spans say, in our own words and in everybody's."""

import pytest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from otlp_messages import NOW, SPAN, Told, message, one, read, read_json
from telemetry_ingest.adapters.otlp import OtlpReader


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
