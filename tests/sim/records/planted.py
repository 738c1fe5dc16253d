"""Mistakes a few lines away from the real code: memory where there should be a look, and no look at all."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TypeVar
from uuid import UUID

from audit_log.checkpointer import Heads
from audit_log.domain.chain import Head, Link
from drift_detector.adapters.postgres import Plans
from drift_detector.domain.state import Pane
from drift_detector.ports import SystemKey, Tracked
from flyball.sim.database import MemoryDatabase
from flyball.sim.transaction import MemoryTransaction
from tests.sim.records.memory import MemoryChains, MemorySystems

Key = TypeVar("Key")
Value = TypeVar("Value")


class LooksForNothing(MemoryTransaction):
    """Takes every record for a new one, so that what is published again is appended again."""

    async def unseen(self, consumer: str, ids: Sequence[UUID], recorded_at: datetime) -> set[UUID]:
        del consumer, recorded_at
        return set(ids)


@dataclass(frozen=True, slots=True)
class RemembersSystems(MemorySystems):
    """Saves itself a read: a batch that was rolled back, or that another replica had, is folded into what is not so."""

    remembered: dict[SystemKey, Tracked] = field(default_factory=dict)

    async def lock(self, systems: Collection[SystemKey]) -> Mapping[SystemKey, Tracked]:
        return {**await MemorySystems.lock(self, systems), **_of(self.remembered, systems)}

    async def save(self, system: SystemKey, before: Tracked, after: Tracked, judged: Sequence[Pane]) -> None:
        await MemorySystems.save(self, system, before, after, judged)
        self.remembered[system] = after


@dataclass(frozen=True, slots=True)
class RemembersHeads(MemoryChains):
    """The same mistake with the ends of chains."""

    remembered: dict[str, Head] = field(default_factory=dict)

    async def lock_heads(self, tenants: Collection[str]) -> Mapping[str, Head]:
        return {**await MemoryChains.lock_heads(self, tenants), **_of(self.remembered, tenants)}

    async def append(self, links: Sequence[Link]) -> None:
        await MemoryChains.append(self, links)
        self.remembered.update({link.tenant: link.head for link in links})


def heads_of_two_reads(database: MemoryDatabase) -> Heads:
    """Asks how long the chains are, and then for their hashes: what was appended in between has the wrong place."""

    async def read() -> Sequence[Head]:
        heads: dict[str, Head] = database.rows("heads")
        ends: dict[str, int] = await database.call("read ends", lambda: {name: heads[name].sequence for name in heads})
        hashes: dict[str, str] = await database.call("read hashes", lambda: {name: heads[name].hash for name in ends})
        return [Head(name, ends[name], hashes[name]) for name in ends]

    return read


def remembers_systems() -> Callable[[MemoryTransaction], MemorySystems]:
    return partial(RemembersSystems, plans=Plans(), remembered={})


def remembers_heads() -> Callable[[MemoryTransaction], MemoryChains]:
    return partial(RemembersHeads, remembered={})


def _of(remembered: Mapping[Key, Value], wanted: Collection[Key]) -> dict[Key, Value]:
    return {key: remembered[key] for key in wanted if key in remembered}
