"""What one batch of messages does to the traces that it touches, and to those whose time is over by then."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from telemetry_ingest.domain.otlp.facts import EvaluationFacts, OtlpRead, SpanFacts
from telemetry_ingest.domain.otlp.responses import code_of, judgements_of, place_of
from telemetry_ingest.domain.otlp.telling import NativeEvent, evaluated, tell
from telemetry_ingest.domain.otlp.traces import DUPLICATE, LATE, LEFT_OUT, Home, Trace, TraceLimits

Signal = Literal["spans", "logs"]
SPANS: Final = "spans"
LOGS: Final = "logs"
RECEIVED: Final = "received"
USED: Final = "used"
NOT_OF_INTEREST: Final = "not_of_interest"
REJECTED: Final = "rejected"
FATES: Final = (RECEIVED, USED, NOT_OF_INTEREST, DUPLICATE, LATE, LEFT_OUT, REJECTED)
"""received = all the others + those that wait. ``duplicate`` and ``late`` are defined where traces are."""


class Count(NamedTuple):
    """What is counted: spans or log events, and what became of them."""

    signal: Signal
    fate: str


@dataclass(slots=True)
class Assembly:
    """One batch at work. ``traces`` are those that it touches, held against everybody else, by their ids."""

    home: Home
    limits: TraceLimits
    traces: dict[str, Trace]
    counts: Counter[Count] = field(default_factory=Counter)
    events: list[NativeEvent] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)
    """Traces that were nobody's interaction: nothing needs to be remembered of them."""
    told_again: int = 0
    """Interactions of agents that came when other systems of their traces had been told."""
    known: Mapping[int, str] = field(default_factory=dict)
    """The traces of answers that evaluations name."""

    def take(self, read: OtlpRead, signal: Signal, at_ms: int) -> None:
        """Take in one message that was appended at ``at_ms``."""
        for span in read.spans:
            self._take_span(span, at_ms)
        for evaluation in read.evaluations:
            self._take_evaluation(evaluation, at_ms)
        self._count(signal, RECEIVED, len(read.spans) + len(read.evaluations) + read.ignored + len(read.rejected))
        self._count(signal, NOT_OF_INTEREST, read.ignored)
        self._count(signal, REJECTED, len(read.rejected))

    def reject(self, signal: Signal) -> None:
        """Nobody knows how much was in a message that cannot be read: it counts as one."""
        self._count(signal, RECEIVED, 1)
        self._count(signal, REJECTED, 1)

    def tell_due(self, traces: Iterable[Trace], at_ms: int) -> None:
        """Tell those whose time is over at ``at_ms``."""
        for trace in traces:
            if trace.awaits is None and trace.is_due(at_ms, self.limits):
                self.tell(trace, trace.due_ms(self.limits))

    def bind(self, waiting: Trace, trace_id: str, at_ms: int) -> None:
        """The trace that these evaluations waited for has come."""
        for evaluation in waiting.evaluations:
            self._judge(self._trace(trace_id, at_ms), evaluation, at_ms)
        self._forget(waiting)

    def look_again(self, waiting: Trace, at_ms: int) -> None:
        """Nobody knows the trace that these evaluations wait for: later, or by what they say themselves."""
        self.traces[waiting.trace_id] = waiting
        if not waiting.look_again(at_ms, self.limits):
            self.tell(waiting, at_ms)

    def tell(self, trace: Trace, at_ms: int) -> None:
        """Tell what waits of a trace, whatever may still come."""
        telling = tell(trace, at_ms)
        self.events += telling.events
        self._count(SPANS, USED, telling.used)
        self._count(SPANS, NOT_OF_INTEREST if trace.told is None else LATE, len(trace.spans) - telling.used)
        self._count(LOGS, USED, len(trace.evaluations))
        self.told_again += telling.told is not None and trace.told is not None
        trace.end(telling.told)
        if trace.told is not None:
            self.traces[trace.trace_id] = trace
        else:
            self._forget(trace)

    def _take_span(self, span: SpanFacts, at_ms: int) -> None:
        trace = self._trace(span.trace_id, at_ms)
        span, judgements = judgements_of(span)
        fate = trace.take_span(span, at_ms, self.limits)
        if fate in (DUPLICATE, LATE, LEFT_OUT):
            self._count(SPANS, fate, 1)
        if fate == LATE:
            # Its judgements are worth no less: the interaction that they are about was told.
            self.events += (evaluated(trace.trace_id, one, trace.told, at_ms) for one in span.evaluations)
        for one in judgements if fate != DUPLICATE else ():
            self._count(LOGS, RECEIVED, 1)
            self._take_evaluation(one, at_ms)

    def _take_evaluation(self, evaluation: EvaluationFacts, at_ms: int) -> None:
        trace_id = evaluation.trace_id
        if trace_id is None:
            code = code_of(evaluation.response_id or "")
            trace_id = self._with_answer(code, at_ms)
            if trace_id is None:
                trace_id = place_of(code)
                self.traces.setdefault(trace_id, Trace(trace_id, self.home, at_ms, at_ms, awaits=code))
                self._wait(self.traces[trace_id], evaluation, at_ms)
                return
        self._judge(self._trace(trace_id, at_ms), evaluation, at_ms)

    def _judge(self, trace: Trace, evaluation: EvaluationFacts, at_ms: int) -> None:
        if trace.told is not None and trace.rests:
            self.events.append(evaluated(trace.trace_id, evaluation, trace.told, at_ms))
            self._count(LOGS, USED, 1)
        else:
            self._wait(trace, evaluation, at_ms)

    def _wait(self, trace: Trace, evaluation: EvaluationFacts, at_ms: int) -> None:
        if trace.take_evaluation(evaluation, at_ms, self.limits) == LEFT_OUT:
            self._count(LOGS, LEFT_OUT, 1)

    def _with_answer(self, code: int, at_ms: int) -> str | None:
        """The trace with this answer, if it is held and not forgotten by then."""
        trace = self.traces.get(self.known.get(code, ""))
        forgotten = trace is not None and trace.rests and at_ms >= trace.due_ms(self.limits)
        return trace.trace_id if trace is not None and not forgotten else None

    def _forget(self, trace: Trace) -> None:
        self.traces.pop(trace.trace_id, None)
        self.gone.add(trace.trace_id)

    def _trace(self, trace_id: str, at_ms: int) -> Trace:
        """The trace as it stands at ``at_ms``: told if its time is over, begun anew when it was forgotten."""
        trace = self.traces.get(trace_id)
        if trace is not None and trace.is_due(at_ms, self.limits):
            self.tell(trace, trace.due_ms(self.limits))
            trace = self.traces.get(trace_id)
        if trace is None or (trace.rests and at_ms >= trace.due_ms(self.limits)):
            trace = self.traces[trace_id] = Trace(trace_id, self.home, at_ms, at_ms)
        return trace

    def _count(self, signal: Signal, fate: str, count: int) -> None:
        if count:
            self.counts[Count(signal, fate)] += count


def traces_in(reads: Sequence[OtlpRead], known: Mapping[int, str], answers: Iterable[int]) -> set[str]:
    """Ids of the traces that the messages are about, with those of ``answers``, or where judgements of these wait."""
    found = {span.trace_id for read in reads for span in read.spans}
    found |= {one.trace_id for read in reads for one in read.evaluations if one.trace_id is not None}
    return found | set(known.values()) | {place_of(code) for code in answers}
