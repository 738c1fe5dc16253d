"""What a trace tells when its time has come: one interaction, its evaluations, its outcome; as native events."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar
from uuid import UUID, uuid5

from flyball.schemas.base import DEFAULT_TENANT, UNKNOWN_SYSTEM, Event
from flyball.schemas.native import OUTCOME_OK, EvaluationRecorded, InteractionCompleted, OutcomeObserved
from telemetry_ingest.domain.feeds.prices import SEVERAL, Request
from telemetry_ingest.domain.otlp.costs import moment_of, requests_of, told_cost
from telemetry_ingest.domain.otlp.facts import INFERENCE, EvaluationFacts, Masked, SpanFacts
from telemetry_ingest.domain.otlp.failing import error_of
from telemetry_ingest.domain.otlp.names import as_name
from telemetry_ingest.domain.otlp.shape import Shape, Spans, below, in_order, is_of_interest, shape_of, tops_by_id
from telemetry_ingest.domain.otlp.traces import Told, Trace

Value = TypeVar("Value")
NAMESPACE: Final = UUID("b5c6b3d4-50a5-5c0f-8a55-0b9f4f0c7f21")
UNKNOWN_RELEASE: Final = "unknown"
SYSTEMS_MAX: Final = 8
"""That one trace may tell an interaction of, one after another."""
LABELS_MAX: Final = 16
TOKENS_MAX: Final = 1_000_000_000
MILLISECONDS_MAX: Final = 86_400_000.0
NANOSECONDS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class NativeEvent:
    """An event that is to be published as if an agent had sent it. Its gate judges it as any other."""

    id: UUID
    type: str
    time: datetime
    tenant: str
    system: str
    data: Event
    told_ms: int
    """Append time at which it is told."""
    masked: Masked = ()
    """What was masked in the texts that it is made of."""
    requests: Sequence[Request] = ()
    """What an interaction without a cost consists of, if it is more than one request."""


@dataclass(frozen=True, slots=True)
class Telling:
    """Everything that waits of a trace, and who it turned out to be about: None if it is no interaction."""

    told: Told | None
    events: Sequence[NativeEvent]
    used: int = 0
    """How many of its spans are part of that interaction."""


def tell(trace: Trace, at_ms: int) -> Telling:
    """Tell what waits of a trace. The same spans and evaluations make the same events in any order."""
    told, events, mine = None, list[NativeEvent](), _told_of(trace)
    if any(map(is_of_interest, mine.values())):
        shape = shape_of(mine, trace.gaps)
        spans = [*shape.heads, *in_order(mine.values())]
        told = _whose(trace, shape.heads, spans, at_ms)
    if told is not None:
        events += [_interaction(trace, shape, mine, spans, told), *_outcome(trace, spans, told)]
    whose = told or trace.told
    about = trace.trace_id if trace.awaits is None else None
    for span in in_order(trace.spans.values()):
        events += (evaluated(about, one, whose, at_ms) for one in span.evaluations)
    for one in sorted(trace.evaluations, key=_evaluation_order):
        events.append(evaluated(about, one, whose, at_ms))
    return Telling(told, events, len(mine) if told is not None else 0)


def evaluated(trace_id: str | None, facts: EvaluationFacts, told: Told | None, at_ms: int) -> NativeEvent:
    """An evaluation of the interaction that was told; of one that nobody knows under what the evaluator says."""
    # What it says itself: whether its trace was found, and when, makes it no other evaluation.
    said = (facts.trace_id, facts.span_id, facts.response_id, facts.metric, facts.evaluator, facts.evaluator_version)
    identity = "\n".join(map(str, (*said, facts.time_ns, facts.score, facts.passed)))
    data = EvaluationRecorded.model_construct(
        interaction_id=trace_id or facts.response_id or facts.span_id or UNKNOWN_SYSTEM,
        release=told.release if told else facts.release or UNKNOWN_RELEASE,
        metric=facts.metric,
        evaluator=facts.evaluator,
        evaluator_version=facts.evaluator_version,
        score=facts.score,
        passed=facts.passed,
        sampling_rate=1.0 if facts.sample_rate is None else facts.sample_rate,
        segment=dict(facts.segment),
    )
    tenant = told.tenant if told else facts.tenant or DEFAULT_TENANT
    system = told.system if told else _system(facts.agent, facts.service_name)
    whose = Told(tenant, system, data.release, at_ms)
    return _event(f"evaluation\n{identity}", "evaluation.recorded", facts.time_ns, whose, data, facts.masked)


def _told_of(trace: Trace) -> Spans:
    """All spans of a trace that was not told yet; later those of agents that do not hang below what was told.

    What hangs below nothing that waits may be part of what was told, and would count twice.
    """
    if trace.told is None:
        return trace.spans
    tops = tops_by_id(trace.spans)
    heads = {head.span_id for head in shape_of(trace.spans).heads if head.is_agent_like}
    beside = {one for one in heads if trace.spans[tops[one]].parent_span_id not in trace.seen}
    mine = beside | below(trace.spans, beside)
    return {span_id: span for span_id, span in trace.spans.items() if span_id in mine}


def _whose(trace: Trace, heads: Sequence[SpanFacts], spans: Sequence[SpanFacts], at_ms: int) -> Told | None:
    """Whose interaction it is. None for a system that was told one already, and beyond so many systems."""
    told = _identity(trace, heads, spans, at_ms)
    more = len(trace.systems) < SYSTEMS_MAX and f"{told.tenant}/{told.system}" not in trace.systems
    return told if more else None


def _identity(trace: Trace, heads: Sequence[SpanFacts], spans: Sequence[SpanFacts], at_ms: int) -> Told:
    """``spans``: the heads first, then all in their order, as everywhere here."""
    return Told(
        _first(spans, lambda span: span.tenant) or DEFAULT_TENANT,
        _system(_agent(trace, heads), _first(spans, lambda span: span.service_name)),
        _first(spans, lambda span: span.release) or UNKNOWN_RELEASE,
        at_ms,
    )


def _agent(trace: Trace, heads: Sequence[SpanFacts]) -> str | None:
    """The interaction's own agent, else one that it inherits from above, else the only one of its trace."""
    head = heads[0]
    seen: set[str] = set()
    span: SpanFacts | None = head
    while span is not None and span.agent is None and span.span_id not in seen:
        seen.add(span.span_id)
        span = trace.spans.get(span.parent_span_id or "")
    if span is not None and span.agent is not None:
        return span.agent
    named = {one.agent for one in trace.spans.values() if one.agent is not None}
    return named.pop() if len(named) == 1 else None


def _system(agent: str | None, service_name: str | None) -> str:
    return (agent and as_name(agent)) or (service_name and as_name(service_name)) or UNKNOWN_SYSTEM


def _interaction(trace: Trace, shape: Shape, mine: Spans, spans: Sequence[SpanFacts], told: Told) -> NativeEvent:
    heads, leaves = shape.heads, shape.tokens_of
    start_ns, end_ns = min(head.start_ns for head in heads), max(head.end_ns for head in heads)
    inferences = [span for span in mine.values() if span.role == INFERENCE]
    data = InteractionCompleted.model_construct(
        interaction_id=trace.trace_id,
        release=told.release,
        outcome=error_of(mine, heads) or OUTCOME_OK,
        latency_ms=min((end_ns - start_ns) / NANOSECONDS, MILLISECONDS_MAX),
        session_id=_first(spans, lambda span: span.session_id),
        time_to_first_token_ms=_first_token_ms(heads, inferences, start_ns),
        input_tokens=_sum(leaves, lambda span: span.input_tokens, TOKENS_MAX),
        output_tokens=_sum(leaves, lambda span: span.output_tokens, TOKENS_MAX),
        cached_input_tokens=_sum(leaves, lambda span: span.cached_input_tokens, TOKENS_MAX),
        reasoning_tokens=_sum(leaves, lambda span: span.reasoning_tokens, TOKENS_MAX),
        provider=_only(span.provider for span in leaves or inferences),
        model=_only(span.model for span in leaves or inferences),
        cost_micro_usd=told_cost(shape),
        confidence=_first(spans, lambda span: span.confidence),
        escalated=any(span.escalated for span in spans),
        autonomous=_first(spans, lambda span: span.autonomous),
        segment=_segment(spans),
        business_value_micro_usd=_first(spans, lambda span: span.outcome and span.outcome.business_value_micro_usd),
        sampling_rate=_first(spans, lambda span: span.sample_rate),
    )
    masked = tuple(sorted({one for span in mine.values() for one in span.masked}))
    identity, requests = _named("interaction", trace, told), requests_of(shape)
    return _event(identity, "interaction.completed", end_ns, told, data, masked, requests)


def _named(what: str, trace: Trace, told: Told) -> str:
    """The identity of an event: one for each trace, and one for each system that comes later."""
    return "\n".join((what, trace.trace_id, *((told.tenant, told.system) if trace.systems else ())))


def _outcome(trace: Trace, spans: Sequence[SpanFacts], told: Told) -> Iterator[NativeEvent]:
    span = next((one for one in spans if one.outcome is not None), None)
    said = span.outcome if span else None
    if span is None or said is None or (said.success, said.true_class, said.true_value) == (None, None, None):
        return
    data = OutcomeObserved.model_construct(
        prediction_id=None,
        interaction_id=trace.trace_id,
        true_class=said.true_class,
        true_value=said.true_value,
        success=said.success,
    )
    yield _event(_named("outcome", trace, told), "outcome.observed", span.end_ns, told, data)


def _event(
    identity: str,
    kind: str,
    time_ns: int,
    told: Told,
    data: Event,
    masked: Masked = (),
    requests: Sequence[Request] = (),
) -> NativeEvent:
    """``told``: whose it is, and when it is told."""
    tenant, system, _, at_ms = told
    event_id, time = uuid5(NAMESPACE, identity), moment_of(time_ns)
    return NativeEvent(event_id, kind, time, tenant, system, data, at_ms, masked, requests)


def _first(spans: Iterable[SpanFacts], read: Callable[[SpanFacts], Value | None]) -> Value | None:
    for value in map(read, spans):
        if value is not None:
            return value
    return None


def _sum(spans: Iterable[SpanFacts], read: Callable[[SpanFacts], int | None], most: int) -> int | None:
    """None where no span knows: unknown is not 0."""
    known = [value for value in map(read, spans) if value is not None]
    return min(sum(known), most) if known else None


def _only(values: Iterable[str | None]) -> str | None:
    known = {value for value in values if value is not None}
    return (known.pop() if len(known) == 1 else SEVERAL) if known else None


def _first_token_ms(heads: Sequence[SpanFacts], inferences: Sequence[SpanFacts], start_ns: int) -> float | None:
    """The interaction's own; with one request to a model, when that one's first token came."""
    own = _first(heads, lambda span: span.time_to_first_token_ms)
    if own is not None or len(inferences) != 1 or inferences[0].time_to_first_token_ms is None:
        return own
    waited_ms = max(inferences[0].start_ns - start_ns, 0) / NANOSECONDS
    return min(waited_ms + inferences[0].time_to_first_token_ms, MILLISECONDS_MAX)


def _segment(spans: Iterable[SpanFacts]) -> dict[str, str]:
    labels: dict[str, str] = {}
    for span in spans:
        for key, value in span.segment.items():
            labels.setdefault(key, value)
    return dict(list(labels.items())[:LABELS_MAX])


def _evaluation_order(facts: EvaluationFacts) -> tuple[object, ...]:
    return facts.time_ns, facts.metric, facts.evaluator, facts.evaluator_version, str(facts)
