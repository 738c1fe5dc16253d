"""What is remembered of a feed between two records. Each part is written only when it has changed.

Times are append times in milliseconds since 1970, as the broker gives them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import TypeAdapter


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Since when, and why, nothing is concluded from a feed."""

    since_ms: int
    """Append time of the record that broke the limit."""
    field: str
    what: str
    count: int
    rows: int
    limit_ppm: int
    window_seconds: int
    policy_version: int
    owner: str


@dataclass(frozen=True, slots=True)
class Told:
    """Of one kind of trouble: when it was last told, and how often it was seen since."""

    at_ms: int
    since: int = 0


@dataclass(frozen=True, slots=True)
class Apart:
    """What is told apart."""

    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    models: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    """Combinations of labels, by their hashes."""


@dataclass(frozen=True, slots=True)
class Windows:
    slot_seconds: int = 0
    slots: Mapping[str, tuple[tuple[int, int, int, int], ...]] = field(default_factory=dict)
    """By field: (slot number, rows, nulls, broken)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedState:
    apart: Apart = Apart()
    told: Mapping[str, Told] = field(default_factory=dict)
    windows: Windows = Windows()
    quarantine: Quarantine | None = None
    released_ms: int | None = None
    """Of this quarantine: records that the broker appended later are trusted again."""


APART: TypeAdapter[Apart] = TypeAdapter(Apart)
TOLD: TypeAdapter[dict[str, Told]] = TypeAdapter(dict[str, Told])
WINDOWS: TypeAdapter[Windows] = TypeAdapter(Windows)
QUARANTINE: TypeAdapter[Quarantine] = TypeAdapter(Quarantine)
EMPTY = FeedState()
