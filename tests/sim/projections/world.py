"""console, two replicas of it, among services that tell it things, people who declare systems, and open pages."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

from console.service import Console
from console.service import wiring as console_wiring
from flyball.bus.processor import Processor
from flyball.bus.retry import Backoff
from flyball.bus.subscription import Wiring
from flyball.observe.metrics import Metrics
from flyball.schemas.registry import SystemSpec
from flyball.schemas.topics import TOPICS
from flyball.sim.broker import Broker
from flyball.sim.process import Process
from flyball.sim.runner import Service, Timing, behind
from flyball.sim.transaction import MemoryTransaction
from flyball.sim.world import World
from flyball.store.errors import Transient
from tests.sim.projections import load, verdict
from tests.sim.projections.memory import (
    MemoryChanges,
    MemoryDrift,
    MemoryLiveBudgets,
    MemoryRejections,
    MemorySystems,
    migrate,
)
from tests.sim.projections.watching import WatchedDatabase, Watcher
from tests.sim.whole import Agent

PARTITIONS = 2
REST_SECONDS_MAX = 600
NOTICE = timedelta(seconds=30)
TIMING = Timing(
    session_seconds=9,
    fetch_seconds=30,
    relay_idle_seconds=10,
    commit_seconds=30,
    backoff=Backoff(base_seconds=0.1, cap_seconds=2.0, attempts_max=12),
)


@dataclass(frozen=True, slots=True)
class Parts:
    """What planted bugs exchange."""

    live_budgets: Callable[[MemoryTransaction], MemoryLiveBudgets] = MemoryLiveBudgets
    changes: Callable[[MemoryTransaction], MemoryChanges] = MemoryChanges
    transaction_type: type[MemoryTransaction] = MemoryTransaction
    processor_type: type[Processor[Any]] = Processor


@dataclass(slots=True)
class Site:
    """One installation."""

    world: World
    parts: Parts
    broker: Broker = field(init=False)
    database: WatchedDatabase = field(init=False)
    watcher: Watcher = field(init=False)
    people: Sequence["Person"] = field(init=False)
    _wiring: Wiring[Any] = field(init=False)

    def __post_init__(self) -> None:
        self.broker = Broker(self.world)
        for topic in TOPICS:
            self.broker.create(topic.name, PARTITIONS)
        self.database = WatchedDatabase(self.world, "console-db", transaction_type=self.parts.transaction_type)
        migrate(self.database)
        self.watcher = Watcher(self.database)
        self.database.on_commit = self.watcher.look
        random = self.world.stream("people")
        self.people = [Person(self, name, load.specs(random, name)) for name in ("ada", "bea")]
        self._wiring = self.wiring()

    def start(self, replicas: int) -> None:
        service = Service(self.database, self.wiring, self.parts.processor_type, timing=TIMING)
        for replica in range(1, replicas + 1):
            self.world.process(f"console-{replica}", partial(service.run, self.broker))

    def console(self) -> Console[MemoryTransaction]:
        parts = self.parts
        return Console(NOTICE, MemorySystems, MemoryRejections, parts.live_budgets, MemoryDrift, parts.changes)

    def wiring(self) -> Wiring[Any]:
        return console_wiring(self.console(), Metrics("console"))

    def busy(self) -> list[str]:
        return behind(self.broker, self.database, self._wiring)


@dataclass(slots=True)
class Person:
    """Declares systems. Who gets no answer asks again, with the same spec."""

    site: Site
    name: str
    specs: Sequence[SystemSpec]
    done: int = 0

    async def run(self) -> None:
        world, console = self.site.world, self.site.console()
        while self.done < len(self.specs):
            await asyncio.sleep(world.random.uniform(0, 4))
            try:
                async with self.site.database.transaction() as transaction:
                    await console.apply(transaction, self.specs[self.done], self.name, world.now())
            except Transient:
                continue
            self.done += 1


@dataclass(frozen=True, slots=True)
class Projections:
    """The scenario: everything that console follows moves at once."""

    parts: Parts = field(default_factory=Parts)

    async def __call__(self, world: World) -> None:
        site = Site(world, self.parts)
        site.start(replicas=2)
        working = self._around(world, site)
        await world.until(lambda: all(one.ended for one in working), REST_SECONDS_MAX, "everything told")
        world.calm_down()
        await world.until(lambda: not site.busy(), REST_SECONDS_MAX, "at rest")
        verdict.kept(site)
        verdict.watched(site)
        verdict.news(site)
        verdict.registered(site)

    def _around(self, world: World, site: Site) -> list[Process]:
        told = load.told(world.stream("load"))
        services = [world.process(name, Agent(site.broker, messages).run) for name, messages in told.items()]
        return services + [world.process(person.name, person.run) for person in site.people]
