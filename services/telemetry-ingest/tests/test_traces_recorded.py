"""What ten real instrumentations sent of the same runs: one interaction each, and every token once."""

from pathlib import Path
from typing import Any

import pytest

from telemetry_ingest.adapters.otlp import OtlpReader
from telemetry_ingest.domain.otlp.assembly import SPANS, Assembly
from telemetry_ingest.domain.otlp.judging import OtlpLimits
from telemetry_ingest.domain.otlp.traces import Home, TraceLimits

FIXTURES = sorted((Path(__file__).parent / "recordings/fixtures").iterdir())
ANY_TIME = OtlpLimits(future_ns_max=2**62, past_ns_max=2**62)
NOW_NS = 1_795_000_000 * 10**9
TWO_REQUESTS, ONE_REQUEST, EMBEDDING = (240, 60), (120, 30), (8, None)
FAILED = (None, None)
CLIENT = [ONE_REQUEST] * 4 + [EMBEDDING, FAILED]
RUNS = {
    "genai_openai": CLIENT,
    "openinference_openai": CLIENT,
    "openllmetry_openai": CLIENT,
    "pydantic_ai": [TWO_REQUESTS, ONE_REQUEST, FAILED],
    "vercel": [TWO_REQUESTS, ONE_REQUEST, EMBEDDING, FAILED],
}
OF_AGENTS = [TWO_REQUESTS, FAILED]
NAMELESS = {"openinference_langchain", *(name for name, runs in RUNS.items() if runs is CLIENT)}
"""Their agents, if any, have no name that a span tells: their systems are known by service.name."""


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.name)
def test_each_run_is_one_interaction_with_its_tokens_once(path: Path) -> None:
    read = OtlpReader(ANY_TIME).traces(path.read_bytes(), "auto", NOW_NS)
    whole = Assembly(Home("otlp_spans", 0), TraceLimits(), {})
    for span in reversed(read.spans):
        whole.take(read._replace(spans=(span,), ignored=0, rejected=()), SPANS, 0)
    whole.tell_due(list(whole.traces.values()), 10**9)
    told: list[Any] = [event for event in whole.events if event.type == "interaction.completed"]
    figures = [(event.data.input_tokens, event.data.output_tokens) for event in told]
    assert sorted(figures, key=str) == sorted(RUNS.get(path.stem, OF_AGENTS), key=str)
    assert [event.data.outcome == "ok" for event in told] == [figure != FAILED for figure in figures]
    system = told[figures.index(TWO_REQUESTS if TWO_REQUESTS in figures else ONE_REQUEST)].system
    assert system.replace("_", "-") == ("weather-service" if path.stem in NAMELESS else "weather-guide")
