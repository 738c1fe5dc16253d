"""What the service needs from outside its domain."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from flyball.schemas.drift import DriftReference
from flyball.schemas.registry import SystemRegistered
from telemetry_ingest.domain.condense import SystemTotals
from telemetry_ingest.domain.feeds.feed import Feed
from telemetry_ingest.domain.feeds.state import Quarantine
from telemetry_ingest.domain.joins import Answer, Asked
from telemetry_ingest.domain.yardsticks import Yardsticks

SystemKey = tuple[str, str]
"""Tenant and system."""


class Sighting(NamedTuple):
    """An event's identity, and the place and the append time at which it was seen."""

    fingerprint: bytes
    """16 bytes"""
    place: bytes
    """8 bytes, see ``telemetry_ingest.domain.waiting``"""
    recorded_ms: int


class Place(NamedTuple):
    """An offset of a partition."""

    topic: str
    partition: int
    offset: int


class Sightings(Protocol):
    """Remembers where each event was first seen, for a horizon of recorded time."""

    async def first(self, sightings: Sequence[Sighting]) -> Sequence[bool]:
        """For each, in order: is this the first sighting? Asking again about the same place gives the same answer.

        Raises ``Transient`` while the memory is away and ``MemoryLostError`` when it forgot.
        """
        ...


@dataclass(frozen=True, slots=True)
class JoinLimits:
    """How much may wait, by the estimate of the script, and for how much longer than its horizon."""

    bytes_max: int
    system_bytes_max: int
    lag_margin: timedelta


class Joins(Protocol):
    """Remembers predictions, interactions and judgements until they have found each other, for their horizons."""

    async def find(self, asked: Sequence[Asked]) -> Sequence[Answer]:
        """Keep what is new, and tell what has found its partner. Each pair is told to one place alone.

        Asking again from the same place gives the same answer, as long as there is room.
        Raises ``Transient`` while the memory is away and ``MemoryLostError`` when it forgot.
        """
        ...


class Totals(Protocol):
    """Totals by (tenant, system), within a transaction."""

    async def add(self, totals: Mapping[tuple[str, str], SystemTotals], recorded_at: datetime) -> None: ...

    async def declare(self, tenant: str, system: str) -> None:
        """Remember that somebody declared this system."""
        ...


class References(Protocol):
    """What features are counted on, within a transaction."""

    async def keep(self, reference: DriftReference) -> None:
        """Remember one version; the first of a number stays."""
        ...

    async def between(self, spans: Mapping[tuple[str, str], tuple[datetime, datetime]]) -> Yardsticks:
        """Versions that are in force at some moment of each system's span, from its first to its last."""
        ...


class Feeds(Protocol):
    """What is known of each feed, within a transaction."""

    async def declare(self, registered: SystemRegistered) -> None:
        """Remember all revisions of a system."""
        ...

    async def open(self, place: Place, systems: Collection[SystemKey]) -> Mapping[SystemKey, Feed]:
        """The feeds of these systems on one partition, as its records before ``place`` left them."""
        ...

    async def save(self, feeds: Mapping[SystemKey, Feed], place: Place) -> None:
        """Remember what has changed, as it is before ``place``. Before the outbox: a release waits for these rows."""
        ...


class Quarantines(Protocol):
    """Feeds that are not trusted, within a transaction."""

    async def lock(self, key: SystemKey) -> Sequence[Quarantine]:
        """Those of one system that nobody has released, the oldest first."""
        ...

    async def release(self, key: SystemKey, released_ms: int) -> None:
        """Trust what the broker appends later."""
        ...


class MemoryLostError(Exception):
    """Redis came back without the ids it had: counting on would count their duplicates."""
