"""Evaluation results, as log events and as events of spans."""

from typing import Any

import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData

from otlp_messages import NOW, SECOND, SPAN, TRACE, Told, message, put, read
from telemetry_ingest.adapters.otlp import OtlpReader
from telemetry_ingest.domain.otlp.facts import OtlpRead


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
