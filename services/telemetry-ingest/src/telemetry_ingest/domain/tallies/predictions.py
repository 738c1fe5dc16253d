"""Predictions by class, and their scores; by column, for all buckets of a batch at once."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from flyball.schemas.plain import PredictionMade
from flyball.schemas.summaries import PredictionStatistics
from telemetry_ingest.domain.columns import column, count, histograms
from telemetry_ingest.domain.tallies.histograms import MILLION, frozen
from telemetry_ingest.domain.tallies.interactions import by_place


def count_predictions(places: Sequence[int], events: Sequence[PredictionMade], size: int) -> list[PredictionStatistics]:
    """The statistics of each of ``size`` buckets; ``places`` tells which bucket each event belongs to."""
    groups = np.array(places, dtype=np.int64)
    classes = Counter(zip(places, [event.predicted_class for event in events], strict=True))
    named = {(place, name): number for (place, name), number in classes.items() if name is not None}
    scores = histograms(column(groups, [event.score for event in events], MILLION), size)
    return [
        PredictionStatistics.model_construct(count=rows, classes=known, score_ppm=score)
        for rows, known, score in zip(count(groups, size), by_place(named, size), frozen(scores), strict=True)
    ]
