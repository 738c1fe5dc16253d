"""One interaction per trace, its tokens once, the same in whatever order, split, number and batch its spans come."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry_ingest.domain.otlp.assembly import LOGS, SPANS, Assembly, Count
from telemetry_ingest.domain.otlp.facts import EvaluationFacts, OtlpRead, OutcomeFacts, SpanFacts
from telemetry_ingest.domain.otlp.responses import code_of
from telemetry_ingest.domain.otlp.telling import NativeEvent
from telemetry_ingest.domain.otlp.traces import Home, Trace, TraceLimits

LIMITS = TraceLimits()
HOME = Home("otlp_spans", 3)
TRACE = "0af7651916cd43dd8448eb211c80319c"
AT = 1_000_000
SECOND = 1_000_000_000
LONG = 10_000_000
LONG_AFTER = AT + LONG


def span(number: int, parent: int | None = None, role: str = "other", **said: Any) -> SpanFacts:
    """Span ``number`` starts in its second and ends at 100 s minus it: children lie within their parents."""
    return SpanFacts(
        said.pop("trace_id", TRACE),
        f"{number:016x}",
        "name",
        said.pop("start_ns", number * SECOND),
        said.pop("end_ns", 100 * SECOND - number * SECOND),
        None if parent is None else f"{parent:016x}",
        role,  # type: ignore[arg-type]
        **{"service_name": "support-svc", **said},
    )


def chat(number: int, parent: int | None, tokens: int, **said: Any) -> SpanFacts:
    named = {"provider": "openai", "model": "gpt-x", **said}
    return span(number, parent, "inference", input_tokens=tokens, output_tokens=tokens // 2, **named)


def assembled(*batches: Sequence[tuple[int, OtlpRead]]) -> Assembly:
    """All batches of one partition, read one after another as the service does, and a tick long after."""
    whole = Assembly(HOME, LIMITS, {})
    for batch in batches:
        for at_ms, read in batch:
            whole.take(read, LOGS if read.evaluations else SPANS, at_ms)
        whole.tell_due(list(whole.traces.values()), batch[-1][0])
    whole.tell_due(list(whole.traces.values()), batches[-1][-1][0] + LONG)
    return whole


def told(*spans: SpanFacts) -> list[NativeEvent]:
    return assembled([(AT, OtlpRead(spans))]).events


def interaction(*spans: SpanFacts) -> Any:
    (event,) = [event for event in told(*spans) if event.type == "interaction.completed"]
    return event.data


def system(*spans: SpanFacts) -> str:
    return told(*spans)[0].system


AGENT_RUN = (
    span(1),
    span(2, 1, "agent", agent="Support Agent", input_tokens=30, output_tokens=15),
    chat(3, 2, 10),
    span(4, 2, "tool"),
    span(5, 4, "agent", agent="researcher", input_tokens=20, output_tokens=10),
    chat(6, 5, 20),
)


def test_the_outermost_agent_is_the_interaction_and_leaves_bear_the_tokens() -> None:
    data = interaction(*AGENT_RUN)
    assert (data.interaction_id, data.latency_ms) == (TRACE, 96_000)
    assert (data.input_tokens, data.output_tokens) == (30, 15)
    assert (data.provider, data.model) == ("openai", "gpt-x")
    assert system(*AGENT_RUN) == "support-agent"


def test_without_an_agent_the_root_is_the_interaction_and_its_service_the_system() -> None:
    spans = span(1, release="2.0.1"), chat(2, 1, 10)
    assert interaction(*spans).latency_ms == 98_000
    assert interaction(*spans).release == "2.0.1"
    assert system(*spans) == "support-svc"
    assert system(span(1), chat(2, 1, 10, agent="only-one")) == "only-one", "the only agent that anybody names"
    assert system(span(1, agent="from-above"), span(2, 1, "workflow"), chat(3, 2, 1)) == "from-above"


def test_an_agents_own_sums_count_only_if_no_child_came() -> None:
    alone = span(2, 1, "agent", input_tokens=30, output_tokens=15)
    assert interaction(span(1), alone).input_tokens == 30
    assert interaction(span(1), alone, chat(3, 2, 10)).input_tokens == 10
    cut_off = chat(3, 9, 10)
    assert interaction(span(1), alone, cut_off).input_tokens == 10, "nobody knows below what it hangs"
    wrapped = chat(3, 2, 10), chat(4, 3, 10)
    assert interaction(span(1), alone, *wrapped).input_tokens == 10, "one request, told by two instrumentations"


def test_agents_side_by_side_are_one_interaction() -> None:
    data = interaction(
        span(1), span(2, 1, "agent", agent="a", end_ns=5 * SECOND), span(6, 1, "agent", agent="b", error="timeout")
    )
    assert (data.latency_ms, data.outcome) == (92_000, "timeout")


def worked(number: int, parent: int, start: int, end: int, role: str = "inference", **said: Any) -> SpanFacts:
    return span(number, parent, role, start_ns=start * SECOND, end_ns=end * SECOND, **said)


RUN = span(1, None, "agent", agent="a", end_ns=50 * SECOND)
REFUSED = {"error": "refused"}


@pytest.mark.parametrize(
    ("outcome", "spans"),
    [
        ("ok", [worked(2, 1, 2, 4), worked(3, 1, 5, 6, "tool", **REFUSED), worked(4, 1, 7, 9)]),
        ("refused", [worked(2, 1, 2, 4), worked(3, 1, 5, 6, "tool"), worked(4, 1, 7, 9, **REFUSED)]),
        ("refused", [worked(2, 1, 2, 4, **REFUSED), worked(3, 1, 5, 6, "tool")]),
        ("ok", [worked(2, 1, 2, 4, **REFUSED), worked(3, 1, 5, 6)]),
        ("ok", [worked(2, 1, 2, 9, **REFUSED), worked(3, 1, 2, 6)]),
        ("ok", [worked(2, 1, 2, 4), worked(3, 1, 5, 6, "tool", **REFUSED), worked(4, 1, 5, 6, "other", **REFUSED)]),
        ("refused", [worked(2, 1, 2, 20, "agent", error="_OTHER"), worked(3, 2, 3, 4), worked(4, 2, 5, 6, **REFUSED)]),
        ("broke", [worked(2, 1, 2, 20, "agent", error="broke"), worked(3, 2, 3, 4), worked(4, 1, 2, 5)]),
        ("ok", [worked(2, 1, 2, 20, "agent", error="broke"), worked(3, 2, 3, 4), worked(4, 1, 21, 25)]),
        ("refused", [worked(2, 1, 2, 20, "agent"), worked(3, 2, 3, 4), worked(4, 2, 5, 6, **REFUSED)]),
        ("ok", [worked(2, 1, 2, 20, "agent"), worked(4, 2, 5, 6, **REFUSED), worked(5, 1, 21, 22)]),
        ("refused", [worked(2, 1, 2, 9), worked(3, 2, 3, 4, **REFUSED)]),
    ],
)
def test_a_run_fails_by_a_request_or_an_agent_that_failed_last(outcome: str, spans: list[SpanFacts]) -> None:
    assert interaction(RUN, *spans).outcome == outcome
    assert interaction(RUN._replace(error="own"), *spans).outcome == "own"
    beside = span(9), span(8, 9, "agent", end_ns=20 * SECOND), worked(7, 9, 30, 40, **REFUSED)
    assert interaction(*beside).outcome == "ok", "what is not below the agent is not its work"


def test_a_web_server_is_not_of_interest() -> None:
    whole = assembled([(AT, OtlpRead((span(1), span(2, 1), span(3, 2, "tool"))))])
    assert whole.events == []
    assert whole.counts == {Count(SPANS, "received"): 3, Count(SPANS, "not_of_interest"): 3}


def test_a_circle_of_parents_is_told_all_the_same() -> None:
    circle = span(1, 2, "agent", agent="a"), span(2, 1, "agent", agent="b"), chat(3, 3, 5)
    assert interaction(*circle) == interaction(*circle[::-1])


@pytest.mark.parametrize(
    ("missing", "wait_ms"), [(None, LIMITS.settle_ms), (True, LIMITS.bind_ms), (False, LIMITS.horizon_ms)]
)
def test_how_long_a_trace_waits_rests_on_what_it_lacks(missing: bool | None, wait_ms: int) -> None:
    trace = Trace(TRACE, HOME, AT, AT)
    parent = None if missing is None else 1
    trace.take_span(chat(2, parent, 10, parent_is_remote=missing), AT, LIMITS)
    assert not trace.is_due(AT + wait_ms - 1, LIMITS)
    assert trace.is_due(AT + wait_ms, LIMITS)


def test_a_parent_in_the_same_process_is_waited_for() -> None:
    child = chat(3, 2, 10, parent_is_remote=False)
    parent = span(2, None, "agent", agent="late")
    ten_minutes_later = AT + 600_000
    whole = assembled([(AT, OtlpRead((child,)))], [(ten_minutes_later, OtlpRead((parent,)))])
    assert [event.system for event in whole.events] == ["late"]


AFTER = AT + LIMITS.bind_ms


def in_parts(*parts: Sequence[SpanFacts]) -> Assembly:
    """Each part comes when the one before it was told."""
    times = range(AT, LONG_AFTER, 2 * LIMITS.bind_ms)
    return assembled(*[[(at_ms, OtlpRead(tuple(part)))] for at_ms, part in zip(times, parts, strict=False)])


def interactions(whole: Assembly) -> list[tuple[str, int | None, float]]:
    found: list[Any] = [event for event in whole.events if event.type == "interaction.completed"]
    return [(event.system, event.data.input_tokens, event.data.latency_ms) for event in found]


def test_what_is_late_and_belongs_to_what_was_told_is_told_no_more() -> None:
    child, parent = chat(3, 2, 10), span(2, None, "agent", agent="Support Svc")
    below = span(4, 3, "agent", agent="other"), chat(5, 4, 7)
    for batches in (
        [[(AT, OtlpRead((child,)))], [(AFTER, OtlpRead((parent, child, *below)))]],
        [[(AT, OtlpRead((child,))), (AFTER, OtlpRead((parent, child, *below)))]],
    ):
        whole = assembled(*batches)
        assert [event.system for event in whole.events] == ["support-svc"]
        fates = ("received", "used", "late", "duplicate")
        assert [whole.counts[Count(SPANS, fate)] for fate in fates] == [5, 1, 3, 1]
        assert whole.told_again == 0


def test_an_outer_agent_that_comes_late_has_its_interaction_and_no_token_counts_twice() -> None:
    inner = span(5, 4, "agent", agent="researcher", parent_is_remote=True), chat(6, 5, 20)
    outer = span(2, None, "agent", agent="Support Agent", input_tokens=30), chat(3, 2, 10), span(4, 2, "tool")
    assert interactions(in_parts([*inner, *outer])) == [("support-agent", 30, 96_000)]
    whole = in_parts(inner, outer)
    assert interactions(whole) == [("researcher", 20, 90_000), ("support-agent", 10, 96_000)]
    assert (whole.counts[Count(SPANS, "used")], whole.told_again) == (5, 1)
    assert interactions(in_parts([inner[1]], [inner[0]], outer)) == [
        ("support-svc", 20, 88_000),
        ("researcher", None, 90_000),
        ("support-agent", 10, 96_000),
    ], "bound to the service first, then to the agent when it came"
    alone = span(2, None, "agent", agent="Support Agent", input_tokens=30), span(4, 2, "tool")
    assert interactions(in_parts(inner, alone))[1] == ("support-agent", None, 96_000), (
        "its own sum repeats what was told"
    )
    beside = span(7, 1, "agent", agent="beside", input_tokens=5)
    assert interactions(in_parts(inner, [beside]))[1][:2] == ("beside", 5)


def test_judgements_that_come_later_are_of_the_outer_agent() -> None:
    spans = [(AT, OtlpRead((chat(3, 2, 10),)))], [(AFTER, OtlpRead((span(2, None, "agent", agent="late"),)))]
    waiting, after = AFTER + 1, AFTER + LIMITS.settle_ms
    for at_ms in (waiting, after):
        whole = assembled(*spans, [(at_ms, OtlpRead(evaluations=(judged(1),)))])
        assert [event.system for event in whole.events if event.type == "evaluation.recorded"] == ["late"]


def test_one_trace_is_an_interaction_of_eight_systems_at_most() -> None:
    parts = [[span(number, None, "agent", agent=f"a{number}")] for number in range(1, 12)]
    whole = in_parts(*parts)
    assert [name for name, *_ in interactions(whole)] == [f"a{number}" for number in range(1, 9)]
    assert whole.counts[Count(SPANS, "late")] == 3


def test_evaluations_are_of_the_interaction_before_and_after_it_is_told() -> None:
    early, late = judged(1), judged(2)
    of_a_span = span(2, 1, "agent", agent="a", evaluations=(judged(3),))
    whole = assembled(
        [(AT, OtlpRead(evaluations=(early,)))],
        [(AT + 1, OtlpRead((span(1, release="1.2.3"), of_a_span)))],
        [(AT + 100_000, OtlpRead(evaluations=(late,)))],
    )
    judgements = [event for event in whole.events if event.type == "evaluation.recorded"]
    assert len({event.id for event in judgements}) == 3
    assert {(event.system, event.data.interaction_id, event.data.release) for event in judgements} == {
        ("a", TRACE, "1.2.3")
    }
    assert whole.counts[Count(LOGS, "used")] == 2


def test_an_evaluation_whose_trace_nobody_knows_says_itself_whose_it_is() -> None:
    (event,) = assembled([(AT, OtlpRead(evaluations=(judged(1)._replace(agent="Judged"),)))]).events
    assert (event.system, event.data.interaction_id) == ("judged", TRACE)


def of_answer(number: int = 1, answer: str = "r1") -> EvaluationFacts:
    return judged(number)._replace(trace_id=None, response_id=answer)


def test_a_judgement_of_an_answer_is_of_the_trace_that_has_it_whichever_comes_first() -> None:
    spans = OtlpRead((span(2, None, "agent", agent="a"), chat(3, 2, 10, response_id="r1")))
    early = assembled([(AT, OtlpRead(evaluations=(of_answer(),)))])
    (waiting,) = [trace for trace in early.traces.values() if trace.awaits is not None]
    assert (early.events, waiting.is_due(AT + LIMITS.bind_ms, LIMITS)) == ([], True)
    early.look_again(waiting, AT + LIMITS.bind_ms)
    early.take(spans, SPANS, AT + 40_000)
    early.bind(waiting, TRACE, AT + 60_000)
    late = Assembly(HOME, LIMITS, {}, known={code_of("r1"): TRACE})
    late.take(spans, SPANS, AT)
    late.take(OtlpRead(evaluations=(of_answer(), of_answer(2, "other"))), LOGS, AT + 1)
    judgements = [event for whole in (early, late) for event in whole.events if event.type == "evaluation.recorded"]
    assert [whole.counts[Count(LOGS, "used")] for whole in (early, late)] == [1, 0], "the other one waits for its trace"
    late.tell_due(list(late.traces.values()), LONG_AFTER)
    judgements += [event for event in late.events if event.type == "evaluation.recorded"]
    first, second = (replace(event, told_ms=0) for event in judgements)
    assert first == second, "the same event, so that it counts once whatever came first"
    assert (first.system, vars(first.data)["interaction_id"]) == ("a", TRACE)


def test_a_judgement_of_an_answer_that_never_comes_says_itself_whose_it_is() -> None:
    whole = assembled([(AT, OtlpRead(evaluations=(of_answer(),)))])
    (waiting,) = whole.traces.values()
    looks = 0
    while whole.traces:
        assert looks < LIMITS.horizon_ms // LIMITS.bind_ms
        whole.look_again(waiting, waiting.due_ms(LIMITS))
        looks += 1
    (event,) = whole.events
    assert (event.system, vars(event.data)["interaction_id"]) == ("support-svc", "r1")
    assert (whole.gone, whole.counts[Count(LOGS, "used")]) == ({waiting.trace_id}, 1)


def test_an_evaluator_that_judges_on_spans_of_its_own_is_no_interaction() -> None:
    own = judged(1)._replace(trace_id=f"{9:032x}", response_id="r1")
    evaluator = span(1, None, trace_id=f"{9:032x}", evaluations=(own,))
    run = span(2, None, "agent", agent="a"), chat(3, 2, 10, response_id="r1", evaluations=(own,))
    whole = Assembly(HOME, LIMITS, {}, known={code_of("r1"): TRACE})
    whole.take(OtlpRead((*run, evaluator, evaluator)), SPANS, AT)
    whole.tell_due(list(whole.traces.values()), LONG_AFTER)
    assert [(event.type, event.system) for event in whole.events] == [
        ("interaction.completed", "a"),
        *[("evaluation.recorded", "a")] * 2,
    ]
    assert whole.counts[Count(LOGS, "received")] == whole.counts[Count(LOGS, "used")] == 1
    assert whole.counts[Count(SPANS, "not_of_interest")] == 1


def judged(number: int) -> EvaluationFacts:
    return EvaluationFacts("relevance", "judge", "1", number * SECOND, 0.5, trace_id=TRACE, service_name="support-svc")


def test_an_interaction_of_a_sample_says_so() -> None:
    assert interaction(span(1, sample_rate=0.25), chat(2, 1, 3)).sampling_rate == 0.25
    assert interaction(span(1), chat(2, 1, 3)).sampling_rate is None


def test_what_an_agent_says_of_its_outcome_is_told() -> None:
    outcome = OutcomeFacts(success=True, business_value_micro_usd=7)
    events = told(span(1, None, "agent", outcome=outcome, confidence=0.5, escalated=True, segment={"plan": "pro"}))
    assert [event.type for event in events] == ["interaction.completed", "outcome.observed"]
    data: Any = events[0].data
    assert (data.business_value_micro_usd, data.confidence, data.escalated) == (7, 0.5, True)
    assert data.segment == {"plan": "pro"}


def test_requests_are_told_one_by_one_unless_their_cost_is_known() -> None:
    root = span(1)

    def told_of(*spans: SpanFacts) -> tuple[Any, list[int | None]]:
        (event,) = told(root, *spans)
        data: Any = event.data
        return data.cost_micro_usd, [request.input_tokens for request in event.requests]

    assert told_of(chat(2, 1, 10)) == (None, []), "one is priced as every interaction is"
    assert told_of(chat(2, 1, 10), chat(3, 1, 11, model="other")) == (None, [10, 11])
    assert told_of(chat(2, 1, 10, cost_micro_usd=5), chat(3, 1, 1, cost_micro_usd=6)) == (11, [])
    assert told_of(chat(2, 1, 10, cost_micro_usd=5), chat(3, 1, 1)) == (None, [10, 1])


def test_a_trace_has_bounds_and_its_agent_still_comes_in() -> None:
    limits = TraceLimits(spans_max=10)
    whole = Assembly(HOME, limits, {})
    for number in range(2, 32):
        whole.take(OtlpRead((chat(number, 1, 1),)), SPANS, AT)
    whole.take(OtlpRead((span(1, None, "agent", agent="big"),)), SPANS, AT)
    whole.tell_due(list(whole.traces.values()), LONG_AFTER)
    assert [event.system for event in whole.events] == ["big"]
    assert whole.counts[Count(SPANS, "left_out")] == 20
    assert whole.counts[Count(SPANS, "used")] == 11


ROLES = ("agent", "workflow", "inference", "inference", "tool", "other")


@st.composite
def traces(draw: st.DrawFn) -> list[SpanFacts]:
    """Up to three traces of up to nine spans; parents may be missing, and figures too."""
    spans = []
    for trace in range(draw(st.integers(1, 3))):
        for number in range(1, draw(st.integers(1, 9)) + 1):
            parent = draw(st.one_of(st.none(), st.integers(0, number - 1)))
            spans.append(
                span(
                    number,
                    parent,
                    draw(st.sampled_from(ROLES)),
                    trace_id=f"{trace + 1:032x}",
                    agent=draw(st.sampled_from((None, None, "a", "b"))),
                    input_tokens=draw(st.sampled_from((None, 0, 7, 100))),
                    model=draw(st.sampled_from((None, "m", "n"))),
                    error=draw(st.sampled_from((None, None, "timeout"))),
                )
            )
    return spans


@settings(max_examples=25)
@given(traces(), st.randoms(use_true_random=False))
def test_any_order_split_number_and_batching_gives_the_same_interactions(spans: list[SpanFacts], random: Any) -> None:
    alone = assembled([(AT, OtlpRead(tuple(spans)))]).events
    expected = facts_of(replace(event, told_ms=0) for event in alone)
    many = spans + random.choices(spans, k=random.randint(0, len(spans)))
    random.shuffle(many)
    messages = [(AT + index, OtlpRead(part)) for index, part in enumerate(split(many, random))]
    whole = assembled(*split(messages, random))
    assert facts_of(replace(event, told_ms=0) for event in whole.events) == expected
    conserved(whole, len(many))
    assert whole.counts[Count(SPANS, "duplicate")] == len(many) - len(spans)


@settings(max_examples=25)
@given(traces(), st.randoms(use_true_random=False))
def test_what_is_late_rests_on_append_times_and_not_on_batches(spans: list[SpanFacts], random: Any) -> None:
    random.shuffle(spans)
    at_ms, messages = AT, []
    for part in split(spans, random):
        at_ms += random.choice((0, 1, 4_999, 5_000, 29_999, 30_000, 4_000_000))
        messages.append((at_ms, OtlpRead(part)))
    one_by_one = assembled(*[[message] for message in messages])
    otherwise = assembled(*split(messages, random))
    assert facts_of(otherwise.events) == facts_of(one_by_one.events)
    assert otherwise.counts == one_by_one.counts
    conserved(otherwise, len(spans))


@settings(max_examples=25)
@given(traces(), st.randoms(use_true_random=False))
def test_no_token_counts_twice_however_late_the_parts_of_a_trace_come(spans: list[SpanFacts], random: Any) -> None:
    told = with_tokens(spans)
    random.shuffle(told)
    whole = in_parts(*split(told, random))
    assert len({event.id for event in whole.events}) == len(whole.events)
    counted: Counter[str] = Counter()
    for event in whole.events:
        data: Any = event.data
        if event.type == "interaction.completed" and data.input_tokens:
            before, tokens = counted[data.interaction_id], data.input_tokens
            assert not before & tokens, "a bit is set twice"
            counted[data.interaction_id] = before | tokens
    conserved(whole, len(spans))


def with_tokens(spans: Sequence[SpanFacts]) -> list[SpanFacts]:
    """Each request bears a bit of its own, agents the sum of what is below them, as many frameworks do."""
    by_id = {(one.trace_id, one.span_id): one for one in spans}
    sums: Counter[tuple[str, str]] = Counter()
    for place, one in enumerate(span for span in spans if span.role == "inference"):
        step: SpanFacts | None = one
        while step is not None:
            if step is one or step.is_agent_like:
                sums[step.trace_id, step.span_id] += 1 << place
            step = by_id.get((step.trace_id, step.parent_span_id or ""))
    return [one._replace(input_tokens=sums.get((one.trace_id, one.span_id))) for one in spans]


def split(items: Sequence[Any], random: Any) -> Iterable[Any]:
    """Consecutive parts, none of them empty."""
    left = list(items)
    while left:
        size = random.randint(1, len(left))
        yield tuple(left[:size])
        left = left[size:]


def facts_of(events: Iterable[NativeEvent]) -> Counter[str]:
    return Counter(str(event) for event in events)


def conserved(whole: Assembly, received: int) -> None:
    assert whole.counts.pop(Count(SPANS, "received")) == received
    assert sum(whole.counts.values()) == received
    assert sum(trace.waiting for trace in whole.traces.values()) == 0
