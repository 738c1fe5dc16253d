"""Which reference the features of each prediction are counted on."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from flyball.schemas.plain import PredictionMade
from telemetry_ingest.domain.assign import BucketKey
from telemetry_ingest.domain.buckets import Bucket
from telemetry_ingest.domain.features import FeatureTally, count_features
from telemetry_ingest.domain.rows import Row
from telemetry_ingest.domain.spans import moment
from telemetry_ingest.domain.verdicts import Accepted
from telemetry_ingest.domain.yardsticks import Yardstick, Yardsticks, in_force


@dataclass(slots=True)
class Ruled:
    """Rows that one reference counts, each with the number of its tally."""

    tallies: list[FeatureTally] = field(default_factory=list)
    groups: list[int] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)


@dataclass(slots=True)
class Rulers:
    """Finds the reference of each row, once for each bucket, and puts rows of one reference together."""

    buckets: Sequence[Bucket]
    keys: Sequence[BucketKey]
    yardsticks: Yardsticks
    ruled: dict[Yardstick | None, Ruled] = field(default_factory=dict)
    _places: dict[tuple[int, int | None], tuple[Ruled, int]] = field(default_factory=dict)

    def of(self, place: int, early_ms: int | None) -> tuple[Ruled, int]:
        found = self._places.get((place, early_ms))
        if found is None:
            found = self._places[place, early_ms] = self._place(place, early_ms)
        return found

    def _place(self, place: int, early_ms: int | None) -> tuple[Ruled, int]:
        yardstick = self._yardstick(self.keys[place], early_ms)
        ruled = self.ruled.setdefault(yardstick, Ruled())
        version = yardstick.version if yardstick else 0
        features = self.buckets[place].features
        known = features.get(version)
        if known is None:
            known = features[version] = FeatureTally(yardstick)
            ruled.tallies.append(known)
        return ruled, ruled.tallies.index(known)

    def _yardstick(self, key: BucketKey, early_ms: int | None) -> Yardstick | None:
        known = self.yardsticks.get((key.tenant, key.system))
        if not known:
            return None
        return in_force(known, moment(1000 * (key.start_seconds * 1000 if early_ms is None else early_ms)))


def count_on_references(
    buckets: Sequence[Bucket],
    keys: Sequence[BucketKey],
    places: Sequence[int],
    predicted: Sequence[Accepted],
    events: Sequence[PredictionMade],
    yardsticks: Yardsticks,
) -> None:
    """Count the features of predictions, each in the bucket at its place."""
    rulers = Rulers(buckets, keys, yardsticks)
    usual: dict[int, tuple[Ruled, int]] = {}
    for place, accepted, data in zip(places, predicted, events, strict=True):
        recorded_ms = accepted.raw.timestamp_ms
        # Of an event that is ahead of its time nobody knew more than what held when it came.
        if recorded_ms * 1000 < accepted.at_us and recorded_ms < keys[place].start_seconds * 1000:
            found = rulers.of(place, recorded_ms)
        elif place in usual:
            found = usual[place]
        else:
            found = usual[place] = rulers.of(place, None)
        ruled, number = found
        ruled.groups.append(number)
        ruled.rows.append(data.features)
    for ruled in rulers.ruled.values():
        count_features(ruled.tallies, ruled.groups, ruled.rows)
