"""OTLP in JSON form, as well and as badly as it is written."""

import base64
import json
from typing import Any

import pytest

from otlp_messages import NOW, SPAN, TRACE, json_of, message, read_json


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
