"""Judgements by metric, evaluator, its version and its sampling rate."""

from dataclasses import dataclass, field

from flyball.schemas.plain import EvaluationRecorded
from flyball.schemas.summaries import EvaluationStatistics
from telemetry_ingest.domain.tallies.histograms import MILLION, HistogramTally

EvaluationKey = tuple[str, str, str, int]
"""Metric, evaluator, evaluator version, sampling rate in parts per million."""


@dataclass(slots=True)
class EvaluationTally:
    count: int = 0
    passed: int = 0
    failed: int = 0
    score_ppm: HistogramTally = field(default_factory=HistogramTally)

    @staticmethod
    def key(event: EvaluationRecorded) -> EvaluationKey:
        return event.metric, event.evaluator, event.evaluator_version, round(event.sampling_rate * MILLION)

    def add(self, event: EvaluationRecorded) -> None:
        self.count += 1
        self.passed += event.passed is True
        self.failed += event.passed is False
        if event.score is not None:
            self.score_ppm.add(round(event.score * MILLION))

    def freeze(self, key: EvaluationKey) -> EvaluationStatistics:
        metric, evaluator, version, sampling_ppm = key
        return EvaluationStatistics.model_construct(
            metric=metric,
            evaluator=evaluator,
            evaluator_version=version,
            sampling_ppm=sampling_ppm,
            count=self.count,
            passed=self.passed,
            failed=self.failed,
            score_ppm=self.score_ppm.freeze(),
        )
