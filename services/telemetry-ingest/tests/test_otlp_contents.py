"""What people and models said to each other does not stand on a topic; all that is counted still does."""

import re
from pathlib import Path

import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData

from otlp_messages import NOW, TRACE, message, put
from telemetry_ingest.adapters.otlp import OtlpReader
from telemetry_ingest.adapters.otlp_contents import (
    OF_EVENTS,
    OF_LOGS,
    OF_SPANS,
    is_content,
    logs_without_contents,
    spans_without_contents,
)
from telemetry_ingest.domain.otlp.dialects import CONTENTS
from telemetry_ingest.domain.otlp.judging import OtlpLimits

CONFIG = Path(__file__).parents[3] / "infra/otel-collector/config.yaml"
FIXTURES = sorted((Path(__file__).parent / "recordings/fixtures").iterdir())
ANY_TIME = OtlpLimits(future_ns_max=2**62, past_ns_max=2**62)
SAID = {"gen_ai.prompt.0.content": "hello", "input.value": "hello", "ai.response.text": "hello"}


def test_the_collector_takes_out_the_same_names() -> None:
    found = re.findall(r'delete_matching_keys\((\w+)\.attributes, "(.*)"\)', CONFIG.read_text())
    names = [(signal, name.replace("\\\\", "\\")) for signal, name in found]
    ours = {"span": OF_SPANS, "spanevent": OF_EVENTS, "log": OF_LOGS}
    assert names == [(signal, name) for signal, listed in ours.items() for name in listed]


def test_whatever_a_dialect_knows_as_contents_is_taken_out() -> None:
    assert [name for name in CONTENTS if not is_content(name.encode(), OF_SPANS)] == []


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.name)
def test_recordings_say_the_same_without_what_was_said(path: Path) -> None:
    body, encoding = path.read_bytes(), "json" if path.suffix == ".json" else "protobuf"
    without = spans_without_contents(body, encoding)  # type: ignore[arg-type]
    reader = OtlpReader(ANY_TIME, keep_contents=True)
    before, after = reader.traces(body, "auto", NOW), reader.traces(without, "auto", NOW)
    assert after.spans == tuple(span._replace(contents=after.spans[0].contents) for span in before.spans)
    assert {len(span.contents) for span in after.spans} == {0}
    assert spans_without_contents(without, encoding) is without  # type: ignore[arg-type]


def test_events_lose_theirs_and_a_span_that_cannot_be_read_stays_as_it_is() -> None:
    request = message(SAID | {"gen_ai.operation.name": "chat"}, {"gen_ai.request.model": "BAD!"})
    spans = request.resource_spans[0].scope_spans[0].spans
    put(spans[0].events.add(name="gen_ai.content.prompt").attributes, {"gen_ai.prompt": "hello", "kept": "yes"})
    without = spans_without_contents(request.SerializeToString().replace(b"BAD!", b"\xff\xfe\xfd\xfc"), "protobuf")
    assert b"hello" not in without
    assert b"kept" in without
    read = OtlpReader().traces(without, "protobuf", NOW)
    assert ([span.operation for span in read.spans], len(read.rejected)) == (["chat"], 1)


def test_log_events_lose_their_bodies_and_explanations() -> None:
    logs = LogsData()
    scope = logs.resource_logs.add().scope_logs.add()
    told = {"gen_ai.evaluation.name": "relevance", "gen_ai.evaluation.score.value": 0.5}
    record = scope.log_records.add(time_unix_nano=NOW, event_name="gen_ai.evaluation.result", trace_id=TRACE)
    put(record.attributes, told | {"gen_ai.evaluation.explanation": "hello"})
    record.body.string_value = "hello"
    without = logs_without_contents(logs.SerializeToString(), "protobuf")
    assert b"hello" not in without
    assert len(OtlpReader().logs(without, "protobuf", NOW).evaluations) == 1
    assert logs_without_contents(without, "protobuf") is without


@pytest.mark.parametrize("body", [b"{}", b'{"resourceSpans": [1, {"scopeSpans": {}}]}', b'{"resourceSpans": null}'])
def test_json_of_an_odd_shape_is_left_to_whoever_reads_it(body: bytes) -> None:
    assert spans_without_contents(body, "json") is body


def test_json_of_log_events_loses_bodies() -> None:
    odd = b'{"attributes": [7, {"key": "gen_ai.prompt"}], "body": {"stringValue": "hello"}}'
    body = b'{"resourceLogs": [{"scopeLogs": [{"logRecords": [' + odd + b', "odd"]}]}]}'
    expected = b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"attributes":[7]},"odd"]}]}]}'
    assert logs_without_contents(body, "json") == expected
