"""Native events as plain structs, field by field as in ``native``: for readers that see very many of them.

msgspec fills them three times as fast as pydantic makes models. What decides besides a field's own type and bounds is
the reader's: which names are well-formed, which it remembers, and what a kind of event must say at least.
"""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from flyball.schemas.base import NAME_PATTERN
from flyball.schemas.native import METRIC_VALUE_MAX

Identifier = Annotated[str, Meta(min_length=1, max_length=128)]
ShortText = Annotated[str, Meta(min_length=1, max_length=64)]
Text = Annotated[str, Meta(min_length=1, max_length=256)]
# Python's "$" also stands before a last line feed.
Name = Annotated[str, Meta(pattern=NAME_PATTERN.removesuffix("$") + r"\Z")]
# Of frequent fields the length alone: the reader remembers which names are well-formed, for a pattern takes longer.
KnownName = Annotated[str, Meta(min_length=1, max_length=63)]
Release = Annotated[str, Meta(min_length=1, max_length=64)]
Tokens = Annotated[int, Meta(ge=0, le=1_000_000_000)]
MicroUsd = Annotated[int, Meta(ge=0, le=1_000_000_000_000)]
Milliseconds = Annotated[float, Meta(ge=0, le=86_400_000)]
Fraction = Annotated[float, Meta(ge=0, le=1)]
Share = Annotated[float, Meta(gt=0, le=1)]
SamplingRate = Annotated[float, Meta(ge=0.000001, le=1)]
Sample = Annotated[float, Meta(ge=-METRIC_VALUE_MAX, le=METRIC_VALUE_MAX)]
Rating = Annotated[int, Meta(ge=1, le=5)]
Segment = Annotated[dict[ShortText, Text], Meta(max_length=16)]
Probabilities = Annotated[dict[Text, Fraction], Meta(max_length=256)]
Features = Annotated[dict[ShortText, float | ShortText | None], Meta(max_length=512)]
Time = Annotated[datetime, Meta(tz=True)]


class Plain(Struct, gc=False, forbid_unknown_fields=True):
    """No cycle can pass through one: its fields are texts, numbers and tables of these."""


class InteractionCompleted(Plain):
    interaction_id: Identifier
    release: Release
    outcome: ShortText
    latency_ms: Milliseconds
    session_id: Identifier | None = None
    time_to_first_token_ms: Milliseconds | None = None
    input_tokens: Tokens | None = None
    output_tokens: Tokens | None = None
    cached_input_tokens: Tokens | None = None
    reasoning_tokens: Tokens | None = None
    provider: ShortText | None = None
    model: Text | None = None
    cost_micro_usd: MicroUsd | None = None
    confidence: Fraction | None = None
    escalated: bool | None = None
    """None for False that nobody said: many say it, and what was said is counted."""
    autonomous: bool | None = None
    segment: Segment = {}
    business_value_micro_usd: MicroUsd | None = None
    sampling_rate: SamplingRate | None = None


class EvaluationRecorded(Plain):
    interaction_id: Identifier
    release: Release
    metric: Name
    evaluator: ShortText
    evaluator_version: ShortText
    score: Fraction | None = None
    passed: bool | None = None
    sampling_rate: Share = 1.0
    segment: Segment = {}


class GuardrailChecked(Plain):
    release: Release
    rule: Name
    kind: Name
    blocked: bool
    malicious: bool | None = None
    interaction_id: Identifier | None = None
    segment: Segment = {}


class PredictionMade(Plain):
    prediction_id: Identifier
    release: Release
    predicted_class: Text | None = None
    predicted_value: float | None = None
    probabilities: Probabilities | None = None
    score: Fraction | None = None
    features: Features = {}
    segment: Segment = {}


class ReleaseDeployed(Plain):
    release: Release
    evidence_epoch: ShortText
    traffic_share: Fraction


class OutcomeObserved(Plain):
    prediction_id: Identifier | None = None
    interaction_id: Identifier | None = None
    true_class: Text | None = None
    true_value: Sample | None = None
    success: bool | None = None


class FeedbackGiven(Plain):
    interaction_id: Identifier
    release: Release | None = None
    rating: Rating | None = None
    thumb: Literal["up", "down"] | None = None
    complaint: bool = False
    segment: Segment = {}


class ActionEnded(Plain):
    action_id: Identifier
    release: Release | None = None
    action_class: Name | None = None
    result: Text | None = None
    segment: Segment = {}


class MetricSampled(Plain):
    metric: Name
    value: Sample
    unit: ShortText
    layer: Literal["infrastructure", "business"] = "infrastructure"
    release: Release | None = None
    segment: Segment = {}


Data = (
    InteractionCompleted
    | EvaluationRecorded
    | GuardrailChecked
    | PredictionMade
    | ReleaseDeployed
    | OutcomeObserved
    | FeedbackGiven
    | ActionEnded
    | MetricSampled
)


class Envelope(Plain, tag_field="type", kw_only=True):
    specversion: Literal["1.0"]
    id: Identifier
    source: Text
    subject: KnownName
    time: Time
    tenant: KnownName = ""
    """Empty until the reader has filled in the default."""
    datacontenttype: Literal["application/json"] | None = None


class InteractionCompletedEvent(Envelope, tag="interaction.completed"):
    data: InteractionCompleted


class EvaluationRecordedEvent(Envelope, tag="evaluation.recorded"):
    data: EvaluationRecorded


class GuardrailCheckedEvent(Envelope, tag="guardrail.checked"):
    data: GuardrailChecked


class PredictionMadeEvent(Envelope, tag="prediction.made"):
    data: PredictionMade


class ReleaseDeployedEvent(Envelope, tag="release.deployed"):
    data: ReleaseDeployed


class OutcomeObservedEvent(Envelope, tag="outcome.observed"):
    data: OutcomeObserved


class FeedbackGivenEvent(Envelope, tag="feedback.given"):
    data: FeedbackGiven


class ActionExecutedEvent(Envelope, tag="action.executed"):
    data: ActionEnded


class ActionFailedEvent(Envelope, tag="action.failed"):
    data: ActionEnded


class MetricSampledEvent(Envelope, tag="metric.sampled"):
    data: MetricSampled


PlainEvent = (
    InteractionCompletedEvent
    | EvaluationRecordedEvent
    | GuardrailCheckedEvent
    | PredictionMadeEvent
    | ReleaseDeployedEvent
    | OutcomeObservedEvent
    | FeedbackGivenEvent
    | ActionExecutedEvent
    | ActionFailedEvent
    | MetricSampledEvent
)
