"""What real instrumentations sent is read as they meant it. ``recordings/README.md`` says how it was recorded."""

import json

import pytest

from recordings.expected import EXPECTED, names, read, told

CALLED = {"input_tokens": 120, "output_tokens": 30, "cached_input_tokens": 20, "reasoning_tokens": 10}
TOOL_AND_ANSWER = (240, 60)
"""Tokens in and out of an agent that called a tool and answered; whoever counts sums too has twice that."""


def expected(name: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(EXPECTED.read_text())[name]
    return found


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("suffix", ["pb", "json"])
def test_a_recording_is_read_as_expected(name: str, suffix: str) -> None:
    assert [told(span) for span in read(name, suffix)] == expected(name)


@pytest.mark.parametrize("name", names())
def test_every_call_of_the_model_is_an_inference_with_its_model(name: str) -> None:
    inferences = [span for span in read(name, "pb") if span.role == "inference"]
    assert len(inferences) >= 3
    assert {span.provider for span in inferences} == {"openai"}
    for span in inferences:
        assert span.error is not None or (span.model or "").startswith(("gpt-5-mini-2026-08-07", "text-embedding-3"))
        assert (span.input_tokens is None) == (span.error is not None)


@pytest.mark.parametrize("name", sorted(set(names()) - {"genai_openai", "openinference_openai", "openllmetry_openai"}))
def test_tokens_of_the_leaves_are_counted_once(name: str) -> None:
    spans = read(name, "pb")
    first = min(spans, key=lambda span: span.start_ns if span.role in ("agent", "workflow") else 2**63).trace_id
    leaves = [span for span in spans if span.trace_id == first and span.role == "inference"]
    tokens = sum(span.input_tokens or 0 for span in leaves), sum(span.output_tokens or 0 for span in leaves)
    assert tokens == TOOL_AND_ANSWER


@pytest.mark.parametrize("name", ["genai_openai", "openinference_openai", "openllmetry_openai"])
def test_a_client_alone_has_each_call_as_a_root(name: str) -> None:
    spans = read(name, "pb")
    assert [span.role for span in spans] == ["inference"] * 6
    assert {span.parent_span_id for span in spans} == {None}
    assert [span.error is not None for span in spans] == [False] * 5 + [True]
    assert spans[0]._asdict() | CALLED == spans[0]._asdict()


@pytest.mark.parametrize(
    ("name", "agent"),
    [
        ("genai_langchain", "weather_guide"),
        ("genai_openai_agents", "Weather Guide"),
        ("openai_agents_v2", "Weather Guide"),
        ("openllmetry_langchain", "weather_guide"),
        ("pydantic_ai", "weather_guide"),
        ("vercel", "weather_guide"),
    ],
)
def test_an_agent_is_known_by_the_name_that_somebody_gave_it(name: str, agent: str) -> None:
    assert {span.agent for span in read(name, "pb")} - {None} == {agent}


def test_an_instrumentation_without_agents_names_none() -> None:
    assert {span.agent for span in read("openinference_langchain", "pb")} == {None}
