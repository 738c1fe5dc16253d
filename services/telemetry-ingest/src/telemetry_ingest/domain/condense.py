"""Condenses a batch of judged records into summary deltas and totals. Deltas add up to the same in any order."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from flyball.schemas.drift import reference_in_force
from flyball.schemas.native import AgentEvent, PredictionMade
from flyball.schemas.summaries import BUCKET_SECONDS
from telemetry_ingest.domain.buckets import Bucket, BucketKey
from telemetry_ingest.domain.features import Yardstick
from telemetry_ingest.domain.verdicts import Accepted, Rejected

SEGMENT_CHARACTERS_MAX = 256

Yardsticks = Mapping[tuple[str, str], Sequence[Yardstick]]
"""References that may be in force, by tenant and system."""


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

    yardsticks: Yardsticks
    buckets: dict[BucketKey, Bucket] = field(default_factory=dict)
    totals: dict[tuple[str, str], SystemTotals] = field(default_factory=dict)
    _part: dict[BucketKey, int] = field(default_factory=dict)

    def count(self, accepted: Accepted) -> None:
        event = accepted.event
        key = _key_of(event)
        bucket = self._bucket(key, event.time)
        bucket.add(event)
        if isinstance(event.data, PredictionMade):
            recorded_at = accepted.raw.recorded_at
            holds = recorded_at >= bucket.starts_at
            bucket.add_features(event.data, bucket.yardstick if holds else self._yardstick(key, recorded_at))
        bucket.measurement.counted += 1
        bucket.measurement.late += accepted.late
        totals = self._totals(event.tenant, event.subject)
        totals.counted += 1
        totals.late += accepted.late

    def count_duplicate(self, accepted: Accepted) -> None:
        event = accepted.event
        key = BucketKey(event.tenant, event.subject, "", "", bucket_start_seconds(event.time))
        self._bucket(key, event.time).measurement.duplicates += 1
        self._totals(event.tenant, event.subject).duplicates += 1

    def count_rejected(self, rejected: Rejected) -> None:
        """A rejected record has no time that can be trusted, so it counts when the broker got it."""
        at = rejected.raw.recorded_at
        key = BucketKey(rejected.tenant, rejected.system, "", "", bucket_start_seconds(at))
        self._bucket(key, at).measurement.rejected[rejected.reason] += 1
        self._totals(rejected.tenant, rejected.system).rejected += 1

    def _bucket(self, key: BucketKey, at: datetime) -> Bucket:
        part = self._part.get(key, 0)
        bucket = self.buckets.get(replace(key, part=part) if part else key)
        if bucket is not None and bucket.is_full:
            part = self._part[key] = part + 1
            bucket = None
        if bucket is None:
            starts_at = datetime.fromtimestamp(key.start_seconds, UTC)
            bucket = Bucket(at, starts_at, self._yardstick(key, starts_at))
            self.buckets[replace(key, part=part)] = bucket
        bucket.event_time_max = max(bucket.event_time_max, at)
        return bucket

    def _yardstick(self, key: BucketKey, at: datetime) -> Yardstick | None:
        known = self.yardsticks.get((key.tenant, key.system))
        if not known:
            return None
        reference = reference_in_force((one.reference for one in known), at)
        return next((one for one in known if one.reference is reference), None)

    def _totals(self, tenant: str, system: str) -> SystemTotals:
        return self.totals.setdefault((tenant, system), SystemTotals())


def condense(
    accepted: Iterable[Accepted],
    duplicates: Iterable[Accepted],
    rejected: Iterable[Rejected],
    yardsticks: Yardsticks,
) -> Condensed:
    """Sum up one batch."""
    condensed = Condensed(yardsticks)
    for first in accepted:
        condensed.count(first)
    for repeated in duplicates:
        condensed.count_duplicate(repeated)
    for unreadable in rejected:
        condensed.count_rejected(unreadable)
    return condensed


def _key_of(event: AgentEvent) -> BucketKey:
    segment = getattr(event.data, "segment", {})
    return BucketKey(
        event.tenant,
        event.subject,
        getattr(event.data, "release", None) or "",
        segment_name(segment),
        bucket_start_seconds(event.time),
    )


def bucket_start_seconds(moment: datetime) -> int:
    seconds = int(moment.timestamp())
    return seconds - seconds % BUCKET_SECONDS


def segment_name(labels: dict[str, str]) -> str:
    """``{"plan": "pro", "market": "de"}`` as ``market=de,plan=pro``; what is too long to store counts as ``other``."""
    name = ",".join(f"{_escaped(key)}={_escaped(value)}" for key, value in sorted(labels.items()))
    return name if len(name) <= SEGMENT_CHARACTERS_MAX else "other"


def _escaped(text: str) -> str:
    """So that no label can pass for two: ``{"a": "b,c=d"}`` is not ``{"a": "b", "c": "d"}``."""
    return text.replace("\\", "\\\\").replace(",", "\\,").replace("=", "\\=")
