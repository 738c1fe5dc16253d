"""Which summary each event of a batch belongs to."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID, uuid5

from flyball.schemas.plain import Data
from flyball.schemas.summaries import BUCKET_SECONDS
from telemetry_ingest.domain.verdicts import Accepted

SEGMENT_CHARACTERS_MAX = 256
SEGMENTS_KNOWN_MAX = 4_096
BUCKET_US = BUCKET_SECONDS * 1_000_000
SUMMARY_NAMESPACE = UUID("0d5a1a43-32c6-5a5d-9c0c-5f0d8e0b7a11")


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


@dataclass(frozen=True, slots=True)
class Assigned:
    """Events with the number of the bucket of each; ``keys`` are the buckets, by number."""

    events: Sequence[Accepted]
    places: Sequence[int]
    keys: Sequence[BucketKey]

    @property
    def kinds(self) -> Sequence[type[Data]]:
        """What each event tells."""
        return [type(event.data) for event, _, _, _, _ in self.events]


def assign(accepted: Sequence[Accepted]) -> Assigned:
    """The bucket of each event: its system, release, segment and the ten seconds of its own time."""
    numbers: dict[tuple[Any, ...], int] = {}
    places: list[int] = []
    for event, _, _, at_us, _ in accepted:
        data = event.data
        labels = getattr(data, "segment", None)
        segment = segment_of(labels) if labels else ""
        key = event.tenant, event.subject, getattr(data, "release", None), segment, at_us // BUCKET_US
        number = numbers.get(key)
        if number is None:
            number = numbers[key] = len(numbers)
        places.append(number)
    return Assigned(accepted, places, [_key_of(*key) for key in numbers])


def _key_of(tenant: str, system: str, release: str | None, segment: str, bucket: int) -> BucketKey:
    return BucketKey(tenant, system, release or "", segment, bucket * BUCKET_SECONDS)


def bucket_start_seconds(at_us: int) -> int:
    return at_us // BUCKET_US * BUCKET_SECONDS


def segment_of(labels: Mapping[str, str]) -> str:
    """The name of a segment, remembered: there are few, and each event has one."""
    return _segment_of(tuple(labels.items()))


@lru_cache(SEGMENTS_KNOWN_MAX)
def _segment_of(labels: Iterable[tuple[str, str]]) -> str:
    return segment_name(dict(labels))


def segment_name(labels: Mapping[str, str]) -> str:
    """``{"plan": "pro", "market": "de"}`` as ``market=de,plan=pro``; what is too long to store counts as ``other``."""
    name = ",".join(f"{_escaped(key)}={_escaped(value)}" for key, value in sorted(labels.items()))
    return name if len(name) <= SEGMENT_CHARACTERS_MAX else "other"


def _escaped(text: str) -> str:
    """So that no label can pass for two: ``{"a": "b,c=d"}`` is not ``{"a": "b", "c": "d"}``."""
    return text.replace("\\", "\\\\").replace(",", "\\,").replace("=", "\\=")
