"""Condenses a batch of judged records into summary deltas and totals. Deltas add up to the same in any order."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from telemetry_ingest.domain.assign import Assigned, BucketKey, bucket_start_seconds
from telemetry_ingest.domain.buckets import ROWS_MAX, Bucket
from telemetry_ingest.domain.judged import Joined, Judged
from telemetry_ingest.domain.tally import tally
from telemetry_ingest.domain.verdicts import Accepted, Rejected
from telemetry_ingest.domain.yardsticks import Yardsticks


@dataclass(slots=True)
class SystemTotals:
    """What a batch adds to a system: published = counted + duplicates + rejected. Late ones are among the counted."""

    counted: int = 0
    duplicates: int = 0
    rejected: int = 0
    late: int = 0


@dataclass(slots=True)
class Condensed:
    """The whole effect of a batch."""

    buckets: dict[BucketKey, Bucket] = field(default_factory=dict)
    totals: dict[tuple[str, str], SystemTotals] = field(default_factory=dict)

    def put(self, key: BucketKey, bucket: Bucket) -> None:
        self.buckets[key] = bucket
        totals = self._totals(key.tenant, key.system)
        totals.counted += bucket.measurement.counted
        totals.late += bucket.measurement.late

    def count_duplicate(self, accepted: Accepted) -> None:
        event = accepted.event
        self._bucket(event.tenant, event.subject, accepted.at_us).measurement.duplicates += 1
        self._totals(event.tenant, event.subject).duplicates += 1

    def count_rejected(self, rejected: Rejected) -> None:
        """A rejected record has no time that can be trusted, so it counts when the broker got it."""
        bucket = self._bucket(rejected.tenant, rejected.system, rejected.raw.timestamp_ms * 1000)
        bucket.measurement.rejected[rejected.reason] += 1
        self._totals(rejected.tenant, rejected.system).rejected += 1

    def count_joined(self, joined: Joined) -> None:
        """What was joined counts where what was judged did, whenever that came."""
        full: dict[BucketKey, int] = {}
        for pair in joined.pairs:
            self._judged(pair.tenant, pair.system, pair.judged, full).labelled.add(pair)
        for (tenant, system, judged), count in joined.overflowed.items():
            self._judged(tenant, system, judged, full).labelled.overflowed += count

    def _judged(self, tenant: str, system: str, judged: Judged, full: dict[BucketKey, int]) -> Bucket:
        """The first part of its bucket that has room; ``full`` says how many have none."""
        key = BucketKey(tenant, system, judged.release, judged.segment, judged.start_seconds)
        part = full.get(key, 0)
        bucket = self.buckets.setdefault(replace(key, part=part) if part else key, Bucket())
        bucket.at_us_max = max(bucket.at_us_max, judged.start_seconds * 1_000_000)
        if bucket.rows >= ROWS_MAX:
            full[key] = part + 1
            return self._judged(tenant, system, judged, full)
        return bucket

    def _bucket(self, tenant: str, system: str, at_us: int) -> Bucket:
        bucket = self.buckets.setdefault(BucketKey(tenant, system, "", "", bucket_start_seconds(at_us)), Bucket())
        bucket.at_us_max = max(bucket.at_us_max, at_us)
        return bucket

    def _totals(self, tenant: str, system: str) -> SystemTotals:
        return self.totals.setdefault((tenant, system), SystemTotals())


def condense(
    assigned: Assigned,
    duplicates: Iterable[Accepted],
    rejected: Iterable[Rejected],
    yardsticks: Yardsticks,
) -> Condensed:
    """Sum up one batch."""
    condensed = Condensed()
    for key, bucket in _counted(assigned, yardsticks):
        condensed.put(key, bucket)
    for repeated in duplicates:
        condensed.count_duplicate(repeated)
    for unreadable in rejected:
        condensed.count_rejected(unreadable)
    return condensed


def _counted(assigned: Assigned, yardsticks: Yardsticks) -> Iterator[tuple[BucketKey, Bucket]]:
    buckets = list(zip(assigned.keys, tally(assigned, yardsticks), strict=True))
    full: dict[int, list[Accepted]] = {place: [] for place, (_, bucket) in enumerate(buckets) if bucket.parts > 1}
    if full:
        for place, event in zip(assigned.places, assigned.events, strict=True):
            if place in full:
                full[place].append(event)
    for place, (key, bucket) in enumerate(buckets):
        for number, part in enumerate(_cut(key, full.get(place, ()), bucket, yardsticks)):
            yield replace(key, part=number), part


def _cut(key: BucketKey, events: Sequence[Accepted], bucket: Bucket, yardsticks: Yardsticks) -> Iterator[Bucket]:
    """Too many distinct values for one record: the events are counted again in parts that fit, or have one event."""
    if len(events) <= 1 or bucket.parts == 1:
        yield bucket
        return
    size = -(-len(events) // bucket.parts)
    for at in range(0, len(events), size):
        some = events[at : at + size]
        (part,) = tally(Assigned(some, [0] * len(some), [key]), yardsticks)
        yield from _cut(key, some, part, yardsticks)
