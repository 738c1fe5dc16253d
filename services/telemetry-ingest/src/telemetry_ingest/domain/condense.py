"""Condenses a batch of judged records into summary deltas and totals. Deltas add up to the same in any order."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from datetime import UTC, datetime
from uuid import UUID, uuid5

from flyball.schemas.drift import reference_in_force
from flyball.schemas.native import (
    AgentEvent,
    EvaluationRecorded,
    GuardrailChecked,
    InteractionCompleted,
    PredictionMade,
)
from flyball.schemas.summaries import BUCKET_SECONDS, TelemetrySummary
from telemetry_ingest.domain.features import FeatureTally, Yardstick
from telemetry_ingest.domain.tallies import (
    EvaluationKey,
    EvaluationTally,
    InteractionTally,
    MeasurementTally,
    PredictionTally,
    guardrail_outcome,
    guardrail_statistics,
)
from telemetry_ingest.domain.verdicts import Accepted, Rejected

SUMMARY_NAMESPACE = UUID("0d5a1a43-32c6-5a5d-9c0c-5f0d8e0b7a11")
SEGMENT_CHARACTERS_MAX = 256
ROWS_MAX = 256
"""Distinct values in one summary. At a few hundred bytes each it stays far below the 1 MiB of a record."""
VALUE_BYTES_MAX = 150_000
"""Values of features in one summary, as long as no reference says how to count them. An event adds 450,000 at most."""

Yardsticks = Mapping[tuple[str, str], Sequence[Yardstick]]
"""References that may be in force, by tenant and system."""


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
        return interactions + len(self.evaluations) + len(self.guardrails) + len(self.predictions.classes)

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
            releases_deployed=self.releases_deployed,
            measurement=self.measurement.freeze(),
        )


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
        event.tenant, event.subject, event.data.release, segment_name(segment), bucket_start_seconds(event.time)
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
