"""Counts the events of a batch into their buckets: frequent types by their columns, rare ones event by event."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from flyball.schemas.plain import InteractionCompleted, PredictionMade
from telemetry_ingest.domain.assign import Assigned
from telemetry_ingest.domain.buckets import Bucket
from telemetry_ingest.domain.columns import count
from telemetry_ingest.domain.rulers import count_on_references
from telemetry_ingest.domain.tallies.interactions import count_interactions
from telemetry_ingest.domain.tallies.predictions import count_predictions
from telemetry_ingest.domain.yardsticks import Yardsticks


def tally(assigned: Assigned, yardsticks: Yardsticks) -> list[Bucket]:
    """One bucket for each key of ``assigned``, in their order."""
    buckets = [Bucket() for _ in assigned.keys]
    _measure(buckets, assigned)
    kinds = assigned.kinds
    for kind in set(kinds):
        rows = range(len(kinds)) if kinds.count(kind) == len(kinds) else [n for n, k in enumerate(kinds) if k is kind]
        places = [assigned.places[row] for row in rows]
        data: list[Any] = [assigned.events[row].event.data for row in rows]
        if kind is InteractionCompleted:
            _interactions(buckets, places, data)
        elif kind is PredictionMade:
            _predictions(buckets, places, data)
            predicted = [assigned.events[row] for row in rows]
            count_on_references(buckets, assigned.keys, places, predicted, data, yardsticks)
        else:
            for row, place in zip(rows, places, strict=True):
                buckets[place].add(assigned.events[row].event)
    return buckets


def _measure(buckets: Sequence[Bucket], assigned: Assigned) -> None:
    places = np.array(assigned.places, dtype=np.int64)
    late = np.array([accepted.late for accepted in assigned.events], dtype=bool)
    newest = np.zeros(len(buckets), np.int64)
    np.maximum.at(newest, places, np.array([accepted.at_us for accepted in assigned.events], dtype=np.int64))
    size = len(buckets)
    for bucket, rows, later, at_us in zip(
        buckets, count(places, size), count(places[late], size), newest.tolist(), strict=True
    ):
        bucket.at_us_max, bucket.measurement.counted, bucket.measurement.late = at_us, rows, later
    for place, accepted in zip(assigned.places, assigned.events, strict=True):
        if accepted.mark is not None:
            buckets[place].measurement.add(accepted.mark)


def _interactions(buckets: Sequence[Bucket], places: Sequence[int], data: Sequence[InteractionCompleted]) -> None:
    held, numbers = _renumbered(places)
    for place, statistics in zip(held, count_interactions(numbers, data, len(held)), strict=True):
        buckets[place].interactions = statistics


def _predictions(buckets: Sequence[Bucket], places: Sequence[int], data: Sequence[PredictionMade]) -> None:
    held, numbers = _renumbered(places)
    for place, statistics in zip(held, count_predictions(numbers, data, len(held)), strict=True):
        buckets[place].predictions = statistics


def _renumbered(places: Sequence[int]) -> tuple[list[int], list[int]]:
    """The buckets that are among ``places``, and each place as a number among those."""
    held = sorted(set(places))
    numbers = {place: number for number, place in enumerate(held)}
    return held, [numbers[place] for place in places]
