"""One summary in the making: what it is about, and its tallies."""

from collections import Counter
from dataclasses import astuple, dataclass, field
from datetime import datetime
from uuid import UUID, uuid5

from flyball.schemas.native import (
    ActionEnded,
    AgentEvent,
    EvaluationRecorded,
    FeedbackGiven,
    GuardrailChecked,
    InteractionCompleted,
    MetricSampled,
    OutcomeObserved,
    PredictionMade,
)
from flyball.schemas.summaries import JoinStatistics, TelemetrySummary
from telemetry_ingest.domain.features import FeatureTally, Yardstick
from telemetry_ingest.domain.tallies.actions import ActionTally
from telemetry_ingest.domain.tallies.evaluations import EvaluationKey, EvaluationTally
from telemetry_ingest.domain.tallies.feedback import FeedbackTally
from telemetry_ingest.domain.tallies.guardrails import guardrail_outcome, guardrail_statistics
from telemetry_ingest.domain.tallies.interactions import InteractionTally
from telemetry_ingest.domain.tallies.measurement import MeasurementTally
from telemetry_ingest.domain.tallies.metrics import MetricKey, MetricTally
from telemetry_ingest.domain.tallies.predictions import PredictionTally

SUMMARY_NAMESPACE = UUID("0d5a1a43-32c6-5a5d-9c0c-5f0d8e0b7a11")
ROWS_MAX = 256
"""Distinct values in one summary. At a few hundred bytes each it stays far below the 1 MiB of a record."""
VALUE_BYTES_MAX = 150_000
"""Values of features in one summary, as long as no reference says how to count them. An event adds 450,000 at most."""


@dataclass(frozen=True, slots=True, order=True)
class BucketKey:
    """What a summary is about. Empty release or segment stands for none, so that keys have an order."""

    tenant: str
    system: str
    release: str
    segment: str
    start_seconds: int
    part: int = 0
    """A bucket with too many distinct values for one record is published in parts, which add up."""

    def summary_id(self, topic: str, partition: int, first_offset: int) -> UUID:
        """The same for the same batch and key, and for nothing else."""
        parts = (topic, partition, first_offset, *astuple(self))
        return uuid5(SUMMARY_NAMESPACE, "\n".join(map(str, parts)))


@dataclass(slots=True)
class Bucket:
    """One summary in the making."""

    event_time_max: datetime
    starts_at: datetime
    yardstick: Yardstick | None
    """The reference that holds at its start."""
    interactions: InteractionTally = field(default_factory=InteractionTally)
    evaluations: dict[EvaluationKey, EvaluationTally] = field(default_factory=dict)
    guardrails: dict[tuple[str, str], Counter[str]] = field(default_factory=dict)
    predictions: PredictionTally = field(default_factory=PredictionTally)
    features: dict[int, FeatureTally] = field(default_factory=dict)
    """By version of the reference."""
    value_bytes: int = 0
    feedback: FeedbackTally = field(default_factory=FeedbackTally)
    actions: ActionTally = field(default_factory=ActionTally)
    metrics: dict[MetricKey, MetricTally] = field(default_factory=dict)
    outcomes_received: int = 0
    releases_deployed: int = 0
    measurement: MeasurementTally = field(default_factory=MeasurementTally)

    def add(self, event: AgentEvent) -> None:
        self.event_time_max = max(self.event_time_max, event.time)
        data = event.data
        if isinstance(data, InteractionCompleted):
            self.interactions.add(data)
        elif isinstance(data, EvaluationRecorded):
            self.evaluations.setdefault(EvaluationTally.key(data), EvaluationTally()).add(data)
        elif isinstance(data, GuardrailChecked):
            self.guardrails.setdefault((data.rule, data.kind), Counter())[guardrail_outcome(data)] += 1
        elif isinstance(data, PredictionMade):
            self.predictions.add(data)
        else:
            self._add_rare(event)

    def _add_rare(self, event: AgentEvent) -> None:
        data = event.data
        if isinstance(data, FeedbackGiven):
            self.feedback.add(data)
        elif isinstance(data, MetricSampled):
            self.metrics.setdefault(MetricTally.key(data), MetricTally()).add(data)
        elif isinstance(data, OutcomeObserved):
            self.outcomes_received += 1
        elif event.type == "action.executed":
            self.actions.executed += 1
        elif isinstance(data, ActionEnded):
            self.actions.add_failed(data)
        else:
            self.releases_deployed += 1

    def add_features(self, event: PredictionMade, yardstick: Yardstick | None) -> None:
        version = yardstick.version if yardstick else 0
        tally = self.features.get(version)
        if tally is None:
            tally = self.features[version] = FeatureTally(yardstick)
        self.value_bytes += tally.add(event.features)

    @property
    def is_full(self) -> bool:
        return self.rows >= ROWS_MAX or self.value_bytes >= VALUE_BYTES_MAX

    @property
    def rows(self) -> int:
        """Distinct values that take room in the summary beside its fixed fields and its bounded histograms."""
        interactions = len(self.interactions.errors) + len(self.interactions.cost_by_model)
        others = len(self.predictions.classes) + len(self.actions.failed) + len(self.metrics)
        return interactions + len(self.evaluations) + len(self.guardrails) + others

    def freeze(self, key: BucketKey) -> TelemetrySummary:
        return TelemetrySummary.model_construct(
            tenant=key.tenant,
            system=key.system,
            release=key.release or None,
            segment=key.segment or None,
            bucket_start=self.starts_at,
            event_time_max=self.event_time_max,
            interactions=self.interactions.freeze(),
            evaluations=tuple(tally.freeze(name) for name, tally in sorted(self.evaluations.items())),
            guardrails=tuple(guardrail_statistics(*name, tally) for name, tally in sorted(self.guardrails.items())),
            predictions=self.predictions.freeze(),
            features=tuple(tally.freeze() for _, tally in sorted(self.features.items())),
            feedback=self.feedback.freeze(),
            actions=self.actions.freeze(),
            metrics=tuple(tally.freeze(name) for name, tally in sorted(self.metrics.items())),
            joins=self._joins(),
            releases_deployed=self.releases_deployed,
            measurement=self.measurement.freeze(),
        )

    def _joins(self) -> JoinStatistics:
        evaluations = sum(tally.count for tally in self.evaluations.values())
        return JoinStatistics.model_construct(
            outcomes_received=self.outcomes_received,
            evaluations_received=evaluations,
            feedback_received=self.feedback.count,
            joined=0,
            overflowed=0,
        )
