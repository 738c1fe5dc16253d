"""Traces in the making: they wait for spans that belong to them, by the broker's time, and are told once.

A trace's fate is a function of its own spans and of the append times of their records. Batches, restarts and the
moment at which somebody looks change nothing: a span that was appended at or after the deadline is late, whoever
notices first that the deadline is over. What is late and does not hang below what was told waits again as a part of its
own: it may belong to an agent whose other systems were told without it.
"""

from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from telemetry_ingest.domain.otlp.facts import EvaluationFacts, SpanFacts
from telemetry_ingest.domain.otlp.responses import code_of
from telemetry_ingest.domain.otlp.shape import orphans

Fate = Literal["waiting", "duplicate", "late", "left_out"]
WAITING: Final = "waiting"
DUPLICATE: Final = "duplicate"
LATE: Final = "late"
"""It came when its trace had been told, and is told no more."""
LEFT_OUT: Final = "left_out"
"""Its trace is full."""
AGENTS_MORE: Final = 64
"""Agents end last, so a full trace still has room for these."""
SPAN_BYTES: Final = 256
EVALUATION_BYTES: Final = 512
MASKED_BYTES: Final = 64
"""Rounded up, of what one of them takes in the state, besides its labels."""


@dataclass(frozen=True, slots=True)
class TraceLimits:
    """How long a trace waits, in milliseconds of append time, and how large it may become."""

    settle_ms: int = 5_000
    """After the last span of a trace that lacks nothing."""
    bind_ms: int = 30_000
    """After the last span of a trace whose parent is elsewhere, and may never come."""
    horizon_ms: int = 900_000
    """After the first span, whatever is missing. A parent in the same process comes when its work ends."""
    remember_ms: int = 3_600_000
    """After it was told: what comes then is a duplicate or late, and no other trace."""
    spans_max: int = 2_000
    bytes_max: int = 1_048_576
    evaluations_max: int = 200


class Home(NamedTuple):
    """The partition whose time decides when a trace is told: where its first span or evaluation stood."""

    topic: str
    partition: int


class Told(NamedTuple):
    """What an evaluation needs to know of the interaction that was told, and when it was told."""

    tenant: str
    system: str
    release: str
    at_ms: int


@dataclass(slots=True)
class Trace:
    """One trace. ``seen`` are the ids of spans that it has had, once it was told; ``spans`` are those that wait."""

    trace_id: str
    home: Home
    first_ms: int
    last_ms: int
    spans: dict[str, SpanFacts] = field(default_factory=dict)
    evaluations: list[EvaluationFacts] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    told: Told | None = None
    """The newest part that was told. Later judgements are of that one: outer agents end after inner ones."""
    bytes: int = 0
    gaps: set[str] = field(default_factory=set)
    """Parents that had not come, of spans that were told."""
    systems: tuple[str, ...] = ()
    """That were told an interaction of this trace, as ``tenant/system``."""
    responses: set[int] = field(default_factory=set)
    """Answers of models in it, by their hashes."""
    awaits: int | None = None
    """This is no trace yet: its evaluations wait for the one that has this answer."""

    @property
    def waiting(self) -> int:
        return len(self.spans) + len(self.evaluations)

    @property
    def rests(self) -> bool:
        """Was it told, and does nothing wait?"""
        return self.told is not None and not self.waiting

    def due_ms(self, limits: TraceLimits) -> int:
        """When it is to be told; or, when it was, to be forgotten."""
        if self.told is not None and not self.waiting:
            return self.told.at_ms + limits.remember_ms
        return min(self.last_ms + self._wait_ms(limits), self.first_ms + limits.horizon_ms)

    def is_due(self, at_ms: int, limits: TraceLimits) -> bool:
        """Is it to be told, if it was not, before something that was appended at ``at_ms``?"""
        soonest = min(self.last_ms + min(limits.settle_ms, limits.bind_ms), self.first_ms + limits.horizon_ms)
        return not self.rests and at_ms >= soonest and at_ms >= self.due_ms(limits)

    def take_span(self, span: SpanFacts, at_ms: int, limits: TraceLimits) -> Fate:
        """What becomes of a span that was appended at ``at_ms``; the trace must not be due then."""
        if span.span_id in self.spans or span.span_id in self.seen:
            return DUPLICATE
        if span.response_id is not None and len(self.responses) < limits.spans_max:
            self.responses.add(code_of(span.response_id))
        spans_max = limits.spans_max + AGENTS_MORE * span.is_agent_like
        if self.told is not None and (span.parent_span_id in self.seen or len(self.seen) >= spans_max):
            if len(self.seen) < spans_max:
                self.seen.add(span.span_id)
            return LATE
        self._begin(at_ms)
        weight = weight_of(span)
        self.last_ms = max(self.last_ms, at_ms)
        if len(self.spans) >= spans_max or self.bytes + weight > limits.bytes_max + AGENTS_MORE * SPAN_BYTES:
            return LEFT_OUT
        self.spans[span.span_id] = span
        self.bytes += weight
        return WAITING

    def take_evaluation(self, evaluation: EvaluationFacts, at_ms: int, limits: TraceLimits) -> Fate:
        """What becomes of an evaluation; of a trace that was told it is told at once, by whoever asks."""
        if len(self.evaluations) >= limits.evaluations_max:
            return LEFT_OUT
        self.evaluations.append(evaluation)
        self.last_ms = max(self.last_ms, at_ms)
        return WAITING

    def end(self, told: Told | None) -> None:
        """What waited is dealt with; ``told`` is whose it was, None if nothing of it was told."""
        if told is not None:
            self.told = told
            self.systems += (f"{told.tenant}/{told.system}",)
            self.gaps.update(span.parent_span_id or "" for span in orphans(self.spans))
        self.seen.update(self.spans)
        self.gaps -= self.seen
        self.spans, self.evaluations, self.bytes = {}, [], 0

    def _begin(self, at_ms: int) -> None:
        """A part that comes after the telling has a time of its own."""
        if self.rests:
            self.first_ms = self.last_ms = at_ms

    def look_again(self, at_ms: int, limits: TraceLimits) -> bool:
        """Is there time to look for its trace once more? If so it is due again when a parent elsewhere would be."""
        self.last_ms = at_ms
        return at_ms < self.first_ms + limits.horizon_ms

    def _wait_ms(self, limits: TraceLimits) -> int:
        if self.awaits is not None:
            return limits.bind_ms
        missing = [span for span in orphans(self.spans) if span.parent_span_id not in self.seen]
        if any(span.parent_is_remote is False for span in missing):
            return limits.horizon_ms
        rooted = self.told is not None or any(span.parent_span_id is None for span in self.spans.values())
        return limits.settle_ms if rooted and not missing else limits.bind_ms


def weight_of(span: SpanFacts) -> int:
    """About the bytes that a span takes in the state."""
    labels = sum(len(key) + len(value) for key, value in span.segment.items())
    return SPAN_BYTES + labels + EVALUATION_BYTES * len(span.evaluations) + MASKED_BYTES * len(span.masked)
