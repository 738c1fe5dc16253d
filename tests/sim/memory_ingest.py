"""telemetry-ingest's ports on the simulated Postgres and Redis; the counterparts of its ``adapters``."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from flyball.schemas.drift import DriftReference, reference_in_force
from flyball.schemas.registry import SystemRegistered
from flyball.sim.keeper import MemoryMap
from flyball.sim.session import Session
from flyball.sim.transaction import MemoryTransaction
from telemetry_ingest.domain.condense import SystemTotals
from telemetry_ingest.domain.feeds.feed import Feed
from telemetry_ingest.domain.feeds.rules import Declaration, revisions_of
from telemetry_ingest.domain.feeds.state import EMPTY
from telemetry_ingest.domain.yardsticks import Yardstick, Yardsticks
from telemetry_ingest.ports import Place, Sighting, SystemKey

HORIZON_MS = 24 * 3_600_000


@dataclass(frozen=True, slots=True)
class MemoryTotals:
    transaction: MemoryTransaction

    async def add(self, totals: Mapping[tuple[str, str], SystemTotals], recorded_at: datetime) -> None:
        del recorded_at
        for key, sums in sorted(totals.items(), key=lambda item: item[0]):
            await self.transaction.change("totals", key, lambda known, sums=sums: plus(known or SystemTotals(), sums))

    async def declare(self, tenant: str, system: str) -> None:
        await self.transaction.put("declared", (tenant, system), True)


@dataclass(frozen=True, slots=True)
class MemoryReferences:
    transaction: MemoryTransaction

    async def keep(self, reference: DriftReference) -> None:
        def keep(known: tuple[DriftReference, ...] | None) -> tuple[DriftReference, ...]:
            others = known or ()
            return others if reference.version in [one.version for one in others] else (*others, reference)

        await self.transaction.change("references", (reference.tenant, reference.system), keep)

    async def between(self, spans: Mapping[tuple[str, str], tuple[datetime, datetime]]) -> Yardsticks:
        async def effect(session: Session) -> Yardsticks:
            found = {key: session.read("references", key) or () for key in sorted(spans)}
            return {
                key: [Yardstick.of(one) for one in versions if one in _in_force(versions, *spans[key])]
                for key, versions in found.items()
            }

        return await self.transaction.statement("references in force", effect)


@dataclass(frozen=True, slots=True)
class MemoryFeeds:
    """Without the memory of a process: every batch finds what the one before it has saved."""

    transaction: MemoryTransaction

    async def declare(self, registered: SystemRegistered) -> None:
        key = registered.tenant, registered.system
        await self.transaction.put("declarations", key, revisions_of(registered))

    async def open(self, place: Place, systems: Collection[SystemKey]) -> Mapping[SystemKey, Feed]:
        async def effect(session: Session) -> Mapping[SystemKey, Feed]:
            return {
                key: Feed(
                    lambda _provider, _model: None,
                    session.read("feeds", (place.topic, place.partition, *key)) or EMPTY,
                    Declaration(session.read("declarations", key) or ()),
                )
                for key in sorted(systems)
            }

        return await self.transaction.statement("feeds", effect)

    async def save(self, feeds: Mapping[SystemKey, Feed], place: Place) -> None:
        for key, feed in sorted(feeds.items()):
            if feed.has_changed:
                await self.transaction.put("feeds", (place.topic, place.partition, *key), feed.state)


def _in_force(versions: Sequence[DriftReference], first: datetime, last: datetime) -> list[DriftReference]:
    begins = reference_in_force(versions, first)
    return [one for one in versions if one is begins or first < one.effective_at <= last]


def plus(known: SystemTotals, more: SystemTotals) -> SystemTotals:
    return replace(
        known,
        counted=known.counted + more.counted,
        duplicates=known.duplicates + more.duplicates,
        rejected=known.rejected + more.rejected,
        late=known.late + more.late,
    )


@dataclass(frozen=True, slots=True)
class MemorySightings:
    """The promise of ``sightings.lua`` on a map that scripts change as one. What it forgets late it keeps for good."""

    memory: MemoryMap

    async def first(self, sightings: Sequence[Sighting]) -> Sequence[bool]:
        def script(known: dict[Any, Any]) -> Sequence[bool]:
            return [_is_first(known, sighting) for sighting in sightings]

        return await self.memory.run(f"first sightings of {len(sightings)}", script)


def _is_first(known: dict[Any, Any], sighting: Sighting) -> bool:
    place, at_ms = known.get(sighting.fingerprint, (None, 0))
    if place == sighting.place:
        return True
    if place is not None and abs(sighting.recorded_ms - at_ms) <= HORIZON_MS:
        return False
    known[sighting.fingerprint] = (sighting.place, sighting.recorded_ms)
    return True
