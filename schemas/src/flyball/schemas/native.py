"""Native events: what agents publish on ``agent.events.v1``, one CloudEvents 1.0 ``type`` each.

The Kafka key and the CloudEvents ``subject`` both name the system. ``tenant`` is a CloudEvents extension attribute.
"""

from typing import Annotated, Final, Literal

from pydantic import Field, model_validator

from flyball.schemas.base import (
    DEFAULT_TENANT,
    Event,
    Fraction,
    Identifier,
    MicroUsd,
    Milliseconds,
    Name,
    SamplingRate,
    Segment,
    Share,
    ShortText,
    Text,
    Tokens,
    UtcTime,
)

OUTCOME_OK = "ok"
"""The one outcome that is a success; any other outcome names the type of the error."""

RELEASE_PATTERN: Final = r"^[0-9A-Za-z][0-9A-Za-z.+_-]{0,63}$"
Release = Annotated[str, Field(pattern=RELEASE_PATTERN)]
FeatureValue = float | ShortText | None
MILLION = 1_000_000
METRIC_VALUE_MAX: Final = 1e15
"""Of a sample: in millionths it still is a whole number that every reader holds exactly."""


class InteractionCompleted(Event):
    """One request to a system and its answer."""

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
    escalated: bool = False
    autonomous: bool | None = None
    segment: Segment = Field(default_factory=dict)
    business_value_micro_usd: MicroUsd | None = None
    sampling_rate: SamplingRate | None = None
    """The chance that this interaction had of being told. None: all are."""


class EvaluationRecorded(Event):
    """One judgement of one interaction by one evaluator; ``sampling_rate`` is the chance it had of being judged."""

    interaction_id: Identifier
    release: Release
    metric: Name
    evaluator: ShortText
    evaluator_version: ShortText
    score: Fraction | None = None
    passed: bool | None = None
    sampling_rate: Share = 1.0
    segment: Segment = Field(default_factory=dict)

    @model_validator(mode="after")
    def _judges_something(self) -> "EvaluationRecorded":
        if self.score is None and self.passed is None:
            raise ValueError("an evaluation needs a score, a verdict in passed, or both")
        if self.sampling_rate * MILLION < 1:
            raise ValueError("sampling_rate is at least 0.000001")
        return self


class GuardrailChecked(Event):
    """One pass of one guardrail rule. ``malicious`` is unknown unless somebody judged the attempt."""

    release: Release
    rule: Name
    kind: Name
    blocked: bool
    malicious: bool | None = None
    interaction_id: Identifier | None = None
    segment: Segment = Field(default_factory=dict)


class PredictionMade(Event):
    """One prediction of a model: a class or a value, with the features it was made from."""

    prediction_id: Identifier
    release: Release
    predicted_class: Text | None = None
    predicted_value: float | None = None
    probabilities: Annotated[dict[Text, Fraction], Field(max_length=256)] | None = None
    score: Fraction | None = None
    features: Annotated[dict[ShortText, FeatureValue], Field(max_length=512)] = {}
    segment: Segment = Field(default_factory=dict)

    @model_validator(mode="after")
    def _predicts_something(self) -> "PredictionMade":
        if self.predicted_class is None and self.predicted_value is None:
            raise ValueError("a prediction needs predicted_class or predicted_value")
        return self


class ReleaseDeployed(Event):
    """A release began to take traffic. Its evidence epoch is the hash of model, prompt, tools and policy."""

    release: Release
    evidence_epoch: ShortText
    traffic_share: Fraction


class OutcomeObserved(Event):
    """What turned out to be true of one prediction or interaction, minutes to weeks later."""

    prediction_id: Identifier | None = None
    interaction_id: Identifier | None = None
    true_class: Text | None = None
    true_value: Annotated[float, Field(ge=-METRIC_VALUE_MAX, le=METRIC_VALUE_MAX)] | None = None
    success: bool | None = None
    """Whether the interaction reached what it was for."""

    @model_validator(mode="after")
    def _says_something_of_one(self) -> "OutcomeObserved":
        if (self.prediction_id is None) == (self.interaction_id is None):
            raise ValueError("an outcome needs either prediction_id or interaction_id")
        if self.true_class is None and self.true_value is None and self.success is None:
            raise ValueError("an outcome needs true_class, true_value or success")
        return self


class FeedbackGiven(Event):
    """What a user said of one interaction."""

    interaction_id: Identifier
    release: Release | None = None
    rating: Annotated[int, Field(ge=1, le=5)] | None = None
    thumb: Literal["up", "down"] | None = None
    complaint: bool = False
    segment: Segment = Field(default_factory=dict)

    @model_validator(mode="after")
    def _says_something(self) -> "FeedbackGiven":
        if self.rating is None and self.thumb is None and not self.complaint:
            raise ValueError("feedback needs a rating, a thumb or a complaint")
        return self


class ActionEnded(Event):
    """How an action ended in the world; ``result`` is what came of it, or the type of the error."""

    action_id: Identifier
    release: Release | None = None
    action_class: Name | None = None
    result: Text | None = None
    segment: Segment = Field(default_factory=dict)


class MetricSampled(Event):
    """One sample of a metric of the infrastructure or the business, in ``unit`` (UCUM, for example ``%``)."""

    metric: Name
    value: Annotated[float, Field(ge=-METRIC_VALUE_MAX, le=METRIC_VALUE_MAX)]
    unit: ShortText
    layer: Literal["infrastructure", "business"] = "infrastructure"
    release: Release | None = None
    segment: Segment = Field(default_factory=dict)


class Envelope(Event):
    """CloudEvents 1.0 context attributes; ``subject`` names the system."""

    specversion: Literal["1.0"]
    id: Identifier
    source: Text
    subject: Name
    time: UtcTime
    tenant: Name = DEFAULT_TENANT


class InteractionCompletedEvent(Envelope):
    type: Literal["interaction.completed"]
    data: InteractionCompleted


class EvaluationRecordedEvent(Envelope):
    type: Literal["evaluation.recorded"]
    data: EvaluationRecorded


class GuardrailCheckedEvent(Envelope):
    type: Literal["guardrail.checked"]
    data: GuardrailChecked


class PredictionMadeEvent(Envelope):
    type: Literal["prediction.made"]
    data: PredictionMade


class ReleaseDeployedEvent(Envelope):
    type: Literal["release.deployed"]
    data: ReleaseDeployed


class OutcomeObservedEvent(Envelope):
    type: Literal["outcome.observed"]
    data: OutcomeObserved


class FeedbackGivenEvent(Envelope):
    type: Literal["feedback.given"]
    data: FeedbackGiven


class ActionExecutedEvent(Envelope):
    type: Literal["action.executed"]
    data: ActionEnded


class ActionFailedEvent(Envelope):
    type: Literal["action.failed"]
    data: ActionEnded


class MetricSampledEvent(Envelope):
    type: Literal["metric.sampled"]
    data: MetricSampled


AgentEvent = Annotated[
    InteractionCompletedEvent
    | EvaluationRecordedEvent
    | GuardrailCheckedEvent
    | PredictionMadeEvent
    | ReleaseDeployedEvent
    | OutcomeObservedEvent
    | FeedbackGivenEvent
    | ActionExecutedEvent
    | ActionFailedEvent
    | MetricSampledEvent,
    Field(discriminator="type"),
]
