"""What one OpenTelemetry span or evaluation says, in our own words.

Named tuples and not dataclasses: a reader fills one row of fields for each span, at a fraction of the time.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

Role = Literal["agent", "workflow", "inference", "tool", "other"]
AGENT: Final = "agent"
WORKFLOW: Final = "workflow"
INFERENCE: Final = "inference"
TOOL: Final = "tool"
OTHER: Final = "other"

NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
Masked = tuple[tuple[str, str], ...]
"""(attribute, kind) of each piece of personal data that was masked, never the data itself."""


class EvaluationFacts(NamedTuple):
    """One judgement, told as a log event or as an event of a span."""

    metric: str
    """A ``Name``: lower case, digits and ``. _ -``."""
    evaluator: str
    """``unknown`` where the event does not say."""
    evaluator_version: str
    """``unknown`` where the event does not say."""
    time_ns: int
    """Since 1970, UTC."""
    score: float | None = None
    """0 to 1. At least one of score and passed is known."""
    passed: bool | None = None
    label: str | None = None
    sample_rate: float | None = None
    """The chance that what it judges had of being judged, above 0 to 1. None: not told."""
    trace_id: str | None = None
    """Of the judged span, 32 hex digits in lower case. An evaluation has a trace or a response."""
    span_id: str | None = None
    response_id: str | None = None
    """The model's answer that was judged: ``SpanFacts.response_id`` of some span."""
    service_name: str | None = None
    agent: str | None = None
    release: str | None = None
    tenant: str | None = None
    segment: Mapping[str, str] = NOTHING
    masked: Masked = ()


class OutcomeFacts(NamedTuple):
    """What the agent itself says came of it, by ``flyball.outcome.*``."""

    success: bool | None = None
    true_class: str | None = None
    true_value: float | None = None
    business_value_micro_usd: int | None = None


class SpanFacts(NamedTuple):
    """One span. None is unknown, never 0. Texts are cut to their bounds and hold no surrogates."""

    trace_id: str
    """32 hex digits in lower case, not all zero."""
    span_id: str
    """16 hex digits in lower case, not all zero."""
    name: str
    start_ns: int
    """Since 1970, UTC."""
    end_ns: int
    """At or after ``start_ns``, at most a day."""
    parent_span_id: str | None = None
    role: Role = OTHER
    operation: str | None = None
    """The word that the role was read from: ``chat``, ``embeddings``, ``execute_tool``, ``CHAIN``, ..."""
    service_name: str | None = None
    agent: str | None = None
    """Name of the agent that this span itself names; its descendants inherit it, which is for the reader of traces."""
    agent_id: str | None = None
    release: str | None = None
    """``flyball.release``, else the agent's version, else ``service.version``. A valid ``Release``."""
    tenant: str | None = None
    provider: str | None = None
    model: str | None = None
    """The model that answered, else the one that was asked."""
    input_tokens: int | None = None
    """Cached ones included."""
    output_tokens: int | None = None
    """Reasoning included."""
    cached_input_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost_micro_usd: int | None = None
    time_to_first_token_ms: float | None = None
    error: str | None = None
    """Type of the error, ``error`` where only the status tells of one. None: no error."""
    session_id: str | None = None
    response_id: str | None = None
    confidence: float | None = None
    """0 to 1."""
    escalated: bool | None = None
    autonomous: bool | None = None
    segment: Mapping[str, str] = NOTHING
    sample_rate: float | None = None
    """The share of interactions that are traced at all, above 0 to 1."""
    outcome: OutcomeFacts | None = None
    evaluations: tuple[EvaluationFacts, ...] = ()
    parent_is_remote: bool | None = None
    """Is the parent in another process, by ``Span.flags``? None: not told. A local parent comes when its work ends."""
    contents: Mapping[str, str] = NOTHING
    """Messages by attribute, filled only by a reader that was told to keep them. Whoever learns the span's system drops
    them unless that system's policy keeps them, and redacts before anything is stored."""
    masked: Masked = ()
    """In the texts of this span and of its resource. Ids are not looked at."""

    @property
    def is_agent_like(self) -> bool:
        """May it be an interaction?"""
        return self.role in (AGENT, WORKFLOW)


class RejectedPart(NamedTuple):
    """One span or log event that breaks the contract, alone; the rest of its message counts."""

    reason: str
    field: str | None
    """Dotted path in the message, for example ``resource_spans.0.scope_spans.0.spans.2.trace_id``."""
    detail: str
    position: int
    """The how-manieth span or log event of the message, from 0."""
    service_name: str | None
    body: bytes
    """The part alone with its resource, as a whole message of the same encoding: to be repaired and replayed."""


class OtlpRead(NamedTuple):
    """A message, read. Spans + evaluations + ignored + rejected are all its spans or all its log events."""

    spans: tuple[SpanFacts, ...] = ()
    evaluations: tuple[EvaluationFacts, ...] = ()
    """Told as log events; those of span events are with their span."""
    rejected: tuple[RejectedPart, ...] = ()
    ignored: int = 0
    """Log events that are no evaluations."""
