"""One summary in the making: its tallies. What is frequent comes counted by column, what is rare event by event."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

from flyball.schemas.plain import (
    ActionEnded,
    ActionExecutedEvent,
    EvaluationRecorded,
    FeedbackGiven,
    GuardrailChecked,
    MetricSampled,
    OutcomeObserved,
    PlainEvent,
)
from flyball.schemas.summaries import InteractionStatistics, JoinStatistics, PredictionStatistics, TelemetrySummary
from telemetry_ingest.domain.assign import BucketKey
from telemetry_ingest.domain.features import FeatureTally
from telemetry_ingest.domain.spans import moment
from telemetry_ingest.domain.tallies.actions import ActionTally
from telemetry_ingest.domain.tallies.evaluations import EvaluationKey, EvaluationTally
from telemetry_ingest.domain.tallies.feedback import FeedbackTally
from telemetry_ingest.domain.tallies.guardrails import guardrail_outcome, guardrail_statistics
from telemetry_ingest.domain.tallies.labelled import LabelledTally
from telemetry_ingest.domain.tallies.measurement import MeasurementTally
from telemetry_ingest.domain.tallies.metrics import MetricKey, MetricTally

ROWS_MAX = 256
"""Distinct values in one summary. At a few hundred bytes each it stays far below the 1 MiB of a record."""
VALUE_BYTES_MAX = 150_000
"""Values of features in one summary, as long as no reference says how to count them. An event adds 450,000 at most."""
NO_INTERACTIONS, NO_PREDICTIONS = InteractionStatistics(), PredictionStatistics()


@dataclass(slots=True)
class Bucket:
    """One summary in the making."""

    at_us_max: int = 0
    interactions: InteractionStatistics = NO_INTERACTIONS
    predictions: PredictionStatistics = NO_PREDICTIONS
    features: dict[int, FeatureTally] = field(default_factory=dict)
    """By version of the reference."""
    evaluations: dict[EvaluationKey, EvaluationTally] = field(default_factory=dict)
    guardrails: dict[tuple[str, str], Counter[str]] = field(default_factory=dict)
    feedback: FeedbackTally = field(default_factory=FeedbackTally)
    actions: ActionTally = field(default_factory=ActionTally)
    metrics: dict[MetricKey, MetricTally] = field(default_factory=dict)
    outcomes_received: int = 0
    labelled: LabelledTally = field(default_factory=LabelledTally)
    releases_deployed: int = 0
    measurement: MeasurementTally = field(default_factory=MeasurementTally)

    def add(self, event: PlainEvent) -> None:
        """One event of a rare type; interactions and predictions are counted by column."""
        data = event.data
        if isinstance(data, EvaluationRecorded):
            self.evaluations.setdefault(EvaluationTally.key(data), EvaluationTally()).add(data)
        elif isinstance(data, GuardrailChecked):
            self.guardrails.setdefault((data.rule, data.kind), Counter())[guardrail_outcome(data)] += 1
        elif isinstance(data, FeedbackGiven):
            self.feedback.add(data)
        elif isinstance(data, MetricSampled):
            self.metrics.setdefault(MetricTally.key(data), MetricTally()).add(data)
        elif isinstance(data, OutcomeObserved):
            self.outcomes_received += 1
        elif isinstance(event, ActionExecutedEvent):
            self.actions.executed += 1
        elif isinstance(data, ActionEnded):
            self.actions.add_failed(data)
        else:
            self.releases_deployed += 1

    @property
    def parts(self) -> int:
        """Into how many records it should be cut: 1 if it fits into one."""
        value_bytes = sum(tally.value_bytes for tally in self.features.values())
        return max(1, -(-self.rows // ROWS_MAX), -(-value_bytes // VALUE_BYTES_MAX))

    @property
    def rows(self) -> int:
        """Distinct values that take room in the summary beside its fixed fields and its bounded histograms."""
        done = self.interactions
        interactions = len(done.errors) + len(done.cost_micro_usd_by_model) + len(done.sampled)
        others = len(self.predictions.classes) + len(self.actions.failed) + len(self.metrics)
        return interactions + len(self.evaluations) + len(self.guardrails) + others + self.labelled.rows

    def freeze(self, key: BucketKey) -> TelemetrySummary:
        return TelemetrySummary.model_construct(
            tenant=key.tenant,
            system=key.system,
            release=key.release or None,
            segment=key.segment or None,
            bucket_start=datetime.fromtimestamp(key.start_seconds, UTC),
            event_time_max=moment(self.at_us_max),
            interactions=self.interactions,
            evaluations=tuple(tally.freeze(name) for name, tally in sorted(self.evaluations.items())),
            guardrails=tuple(guardrail_statistics(*name, tally) for name, tally in sorted(self.guardrails.items())),
            predictions=self.predictions,
            features=tuple(tally.freeze() for _, tally in sorted(self.features.items())),
            feedback=self.feedback.freeze(),
            actions=self.actions.freeze(),
            metrics=tuple(tally.freeze(name) for name, tally in sorted(self.metrics.items())),
            joins=self._joins(),
            **self.labelled.freeze(),
            releases_deployed=self.releases_deployed,
            measurement=self.measurement.freeze(),
        )

    def _joins(self) -> JoinStatistics:
        evaluations = sum(tally.count for tally in self.evaluations.values())
        return JoinStatistics.model_construct(
            outcomes_received=self.outcomes_received,
            evaluations_received=evaluations,
            feedback_received=self.feedback.count,
            joined=self.labelled.joined,
            overflowed=self.labelled.overflowed,
        )
