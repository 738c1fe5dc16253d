"""What the service needs from outside its domain."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from flyball.schemas.drift import DriftReference
from telemetry_ingest.domain.condense import SystemTotals
from telemetry_ingest.domain.yardsticks import Yardsticks


@dataclass(frozen=True, slots=True)
class Sighting:
    """An event's identity and the place where it was seen."""

    fingerprint: bytes
    place: str
    """``partition:offset``"""
    recorded_at: datetime


class Sightings(Protocol):
    """Remembers where each event was first seen, for a horizon of recorded time."""

    async def first(self, sightings: Sequence[Sighting]) -> Sequence[bool]:
        """For each, in order: is this the first sighting? Asking again about the same place gives the same answer.

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


class MemoryLostError(Exception):
    """Redis came back without the ids it had: counting on would count their duplicates."""
