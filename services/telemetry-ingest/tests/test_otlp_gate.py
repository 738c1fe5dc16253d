"""Whatever spans say, what is told of them passes the gate of native events: else an interaction is lost there."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from flyball.schemas.quick_reader import read_plain_event
from otlp_messages import NOW, message, put, read
from telemetry_ingest.domain.otlp.assembly import SPANS, Assembly
from telemetry_ingest.domain.otlp.dialects import ATTRIBUTES
from telemetry_ingest.domain.otlp.facts import OtlpRead
from telemetry_ingest.domain.otlp.reading import TEXTS
from telemetry_ingest.domain.otlp.traces import Home, TraceLimits
from telemetry_ingest.domain.otlp.values import IDENTIFIER
from telemetry_ingest.otlp import _published

ODD = ["", " ", "\0", "a@b.example", "4111111111111111", "x" * 300, "ü" * 200, "-", "1.0", "agent", "chat", "LLM"]
TEXT_VALUE = st.sampled_from([*ODD, 7, 0.5, True])
NUMBER = st.sampled_from([0, 1, 1.0, "1", 0.5, 1e-6, 10**9, "0.25", "true", False])
SEGMENTS = [f"flyball.segment.{label}" for label in ("x", " ", "a@b.example", "y" * 64)]
TEXTUAL = [*SEGMENTS, *(name for name, one in ATTRIBUTES.items() if one.read in {*TEXTS, IDENTIFIER})]
SPAN = st.dictionaries(st.sampled_from(TEXTUAL), TEXT_VALUE, max_size=8).flatmap(
    lambda told: st.dictionaries(st.sampled_from(sorted(ATTRIBUTES)), NUMBER, max_size=2).map(lambda more: more | told)
)
JUDGED = st.fixed_dictionaries(
    {"gen_ai.evaluation.name": st.sampled_from(["m", "M!", "a@b.example"]), "gen_ai.evaluation.score.value": NUMBER},
    optional={"gen_ai.evaluation.score.label": TEXT_VALUE, "gen_ai.response.id": TEXT_VALUE},
)


@settings(max_examples=25, deadline=None)
@given(st.lists(SPAN, min_size=1, max_size=3), SPAN, st.lists(JUDGED, max_size=2))
def test_what_is_told_of_any_span_is_a_valid_event(
    spans: list[Any], resource: dict[str, Any], judged: list[Any]
) -> None:
    request = message(*({"gen_ai.operation.name": "chat"} | told for told in spans), resource=resource)
    for number, one in enumerate(request.resource_spans[0].scope_spans[0].spans, 1):
        one.span_id = bytes([number] * 8)
        for told in judged:
            put(one.events.add(name="gen_ai.evaluation.result", time_unix_nano=NOW).attributes, told)
    whole = Assembly(Home("otlp_spans", 0), TraceLimits(), {})
    whole.take(OtlpRead(read(request).spans), SPANS, 0)
    for trace in list(whole.traces.values()):
        whole.tell(trace, 2**40)
    for event in whole.events:
        published = _published(event)
        said: Any = read_plain_event(published.headers, published.body)
        assert said.subject.encode() == published.key
