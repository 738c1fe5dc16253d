"""Predictions and interactions whose judgements are known, in the bucket in which they were made."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from flyball.schemas.native import METRIC_VALUE_MAX
from flyball.schemas.summaries import CalibrationStatistics, LabelledStatistics
from telemetry_ingest.domain.judged import Evaluation, Feedback, Judged, Outcome, Pair
from telemetry_ingest.domain.tallies.evaluations import EvaluationKey, EvaluationTally
from telemetry_ingest.domain.tallies.feedback import FeedbackTally
from telemetry_ingest.domain.tallies.histograms import MILLION, HistogramTally

TRUTH = "truth"
"""The judge that no evaluator is."""


@dataclass(slots=True)
class LabelledTally:
    """All that joining adds to a bucket."""

    joined: int = 0
    overflowed: int = 0
    count: int = 0
    confusion: Counter[tuple[str, str]] = field(default_factory=Counter)
    score_ppm: dict[str, HistogramTally] = field(default_factory=dict)
    absolute_error_micro: HistogramTally = field(default_factory=HistogramTally)
    succeeded: int = 0
    failed: int = 0
    calibration: dict[str, tuple[HistogramTally, HistogramTally]] = field(default_factory=dict)
    """By judge: confidence where wrong, confidence where right."""
    evaluations: dict[EvaluationKey, EvaluationTally] = field(default_factory=dict)
    feedback: FeedbackTally = field(default_factory=FeedbackTally)

    def add(self, pair: Pair) -> None:
        self.joined += 1
        judged, judgement = pair.judged, pair.judgement
        if isinstance(judgement, Evaluation):
            self._add_verdict(judgement.metric, judged, right=judgement.passed)
            self._add_evaluation(judged, judgement)
        elif isinstance(judgement, Feedback):
            self._add_feedback(judged, judgement)
        elif pair.is_first:
            self._add_outcome(judged, judgement)

    def _add_outcome(self, judged: Judged, outcome: Outcome) -> None:
        self.count += 1
        right = outcome.success
        if outcome.true_class is not None:
            if judged.score_ppm is not None:
                self.score_ppm.setdefault(outcome.true_class, HistogramTally()).add(judged.score_ppm)
            if judged.predicted_class is not None:
                self.confusion[outcome.true_class, judged.predicted_class] += 1
                right = outcome.true_class == judged.predicted_class
        if outcome.true_value is not None and judged.predicted_value is not None:
            error = min(abs(outcome.true_value - judged.predicted_value), METRIC_VALUE_MAX)
            self.absolute_error_micro.add(round(error * MILLION))
        self.succeeded += outcome.success is True
        self.failed += outcome.success is False
        self._add_verdict(TRUTH, judged, right=right)

    def _add_verdict(self, judge: str, judged: Judged, *, right: bool | None) -> None:
        if right is None or judged.confidence_ppm is None:
            return
        known = self.calibration.get(judge)
        if known is None:
            known = self.calibration[judge] = HistogramTally(), HistogramTally()
        known[right].add(judged.confidence_ppm)

    def _add_evaluation(self, judged: Judged, found: Evaluation) -> None:
        if found.names_segment or not judged.segment:
            return
        key = found.metric, found.evaluator, found.evaluator_version, found.sampling_ppm
        tally = self.evaluations.setdefault(key, EvaluationTally())
        tally.count += 1
        tally.passed += found.passed is True
        tally.failed += found.passed is False
        if found.score_ppm is not None:
            tally.score_ppm.add(found.score_ppm)

    def _add_feedback(self, judged: Judged, said: Feedback) -> None:
        if (said.names_segment or not judged.segment) and said.names_release:
            return
        tally = self.feedback
        tally.count += 1
        if said.rating is not None:
            tally.ratings[said.rating] += 1
        tally.thumbs_up += said.thumb == "up"
        tally.thumbs_down += said.thumb == "down"
        tally.complaints += said.complaint

    @property
    def rows(self) -> int:
        """Distinct values. A pair of classes takes the room of two."""
        return 2 * len(self.confusion) + len(self.score_ppm) + len(self.calibration) + len(self.evaluations)

    def freeze(self) -> dict[str, Any]:
        """The fields of a summary that tell of joins, but for what was received."""
        return {
            "labelled": self._labelled(),
            "calibration": tuple(_calibration(judge, *tallies) for judge, tallies in sorted(self.calibration.items())),
            "judged_evaluations": tuple(tally.freeze(key) for key, tally in sorted(self.evaluations.items())),
            "judged_feedback": self.feedback.freeze(),
        }

    def _labelled(self) -> LabelledStatistics:
        confusion: dict[str, dict[str, int]] = {}
        for (true_class, predicted), count in sorted(self.confusion.items()):
            confusion.setdefault(true_class, {})[predicted] = count
        return LabelledStatistics.model_construct(
            count=self.count,
            confusion=confusion,
            score_ppm={true_class: tally.freeze() for true_class, tally in sorted(self.score_ppm.items())},
            absolute_error_micro=self.absolute_error_micro.freeze(),
            succeeded=self.succeeded,
            failed=self.failed,
        )


def _calibration(judge: str, wrong: HistogramTally, right: HistogramTally) -> CalibrationStatistics:
    return CalibrationStatistics.model_construct(judge=judge, right_ppm=right.freeze(), wrong_ppm=wrong.freeze())
