"""Predictions by class, and their scores."""

from collections import Counter
from dataclasses import dataclass, field

from flyball.schemas.native import PredictionMade
from flyball.schemas.summaries import PredictionStatistics
from telemetry_ingest.domain.tallies.histograms import MILLION, HistogramTally


@dataclass(slots=True)
class PredictionTally:
    count: int = 0
    classes: Counter[str] = field(default_factory=Counter)
    score_ppm: HistogramTally = field(default_factory=HistogramTally)

    def add(self, event: PredictionMade) -> None:
        self.count += 1
        if event.score is not None:
            self.score_ppm.add(round(event.score * MILLION))
        if event.predicted_class is not None:
            self.classes[event.predicted_class] += 1

    def freeze(self) -> PredictionStatistics:
        return PredictionStatistics.model_construct(
            count=self.count,
            classes=dict(sorted(self.classes.items())),
            score_ppm=self.score_ppm.freeze(),
        )
