"""drift-detector and audit-log, which signs, two replicas each, among measurements, other services and a person."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any

from audit_log.checkpointer import Checkpointer, Heads
from audit_log.domain.chain import Head
from audit_log.service import AuditLog
from audit_log.service import wiring as audit_wiring
from drift_detector.adapters.postgres import Plans
from drift_detector.desk import Desk
from drift_detector.requests import Rebasing
from drift_detector.service import DriftDetector
from drift_detector.service import wiring as drift_wiring
from flyball.bus.processor import Processor
from flyball.bus.retry import Backoff
from flyball.bus.subscription import Wiring
from flyball.observe.metrics import Metrics
from flyball.schemas.topics import TOPICS
from flyball.sim.broker import Broker
from flyball.sim.database import MemoryDatabase
from flyball.sim.process import Process, current_life
from flyball.sim.runner import Service, Timing, behind
from flyball.sim.transaction import MemoryTransaction
from flyball.sim.world import World
from flyball.store.errors import Transient
from tests.sim.records import load, verdict
from tests.sim.records.memory import MemoryChains, MemorySystems
from tests.sim.records.volume import SIGNER, MemoryCheckpoints, Volume
from tests.sim.whole import Agent

PARTITIONS = 2
REST_SECONDS_MAX = 600
RECORDS_OF_OTHERS = 6
OTHERS = ("budget-ledger", "notifier")
CHECKPOINT_SECONDS = 7.0
TIMING = Timing(
    session_seconds=9,
    fetch_seconds=30,
    relay_idle_seconds=30,
    commit_seconds=30,
    backoff=Backoff(base_seconds=0.1, cap_seconds=2.0, attempts_max=12),
)
SystemsOf = Callable[[MemoryTransaction], MemorySystems]
ChainsOf = Callable[[MemoryTransaction], MemoryChains]


def systems_in_memory() -> SystemsOf:
    """What one start of drift-detector has."""
    return partial(MemorySystems, plans=Plans())


def chains_in_memory() -> ChainsOf:
    """What one start of audit-log has."""
    return MemoryChains


def committed_heads(database: MemoryDatabase) -> Heads:
    async def read() -> Sequence[Head]:
        heads: Sequence[Head] = await database.call("read heads", lambda: list(database.rows("heads").values()))
        return heads

    return read


@dataclass(frozen=True, slots=True)
class Parts:
    """What planted bugs exchange."""

    systems: Callable[[], SystemsOf] = systems_in_memory
    chains: Callable[[], ChainsOf] = chains_in_memory
    heads: Callable[[MemoryDatabase], Heads] = committed_heads
    audit_transaction_type: type[MemoryTransaction] = MemoryTransaction
    processor_type: type[Processor[Any]] = Processor


@dataclass(slots=True)
class Site:
    """One installation."""

    world: World
    parts: Parts
    broker: Broker = field(init=False)
    drift: MemoryDatabase = field(init=False)
    audit: MemoryDatabase = field(init=False)
    volume: Volume = field(init=False)
    _wirings: tuple[Wiring[Any], Wiring[Any]] = field(init=False)

    def __post_init__(self) -> None:
        self.broker = Broker(self.world)
        for topic in TOPICS:
            self.broker.create(topic.name, PARTITIONS)
        self.drift = MemoryDatabase(self.world, "drift-db")
        self._wirings = self.drift_wiring(), self.audit_wiring()
        self.audit = MemoryDatabase(self.world, "audit-db", transaction_type=self.parts.audit_transaction_type)
        self.volume = Volume(self.world, "volume")

    def start(self, replicas: int) -> None:
        detector = Service(self.drift, self.drift_wiring, self.parts.processor_type, timing=TIMING)
        for name, main in (("detector", partial(detector.run, self.broker)), ("audit-log", self.audit_log)):
            for replica in range(1, replicas + 1):
                self.world.process(f"{name}-{replica}", main)

    async def audit_log(self) -> None:
        """The program: what it reads, and what it signs."""
        life = current_life()
        assert life is not None
        heads, store = self.parts.heads(self.audit), MemoryCheckpoints(self.volume)
        checkpointer = Checkpointer(heads, SIGNER, store, CHECKPOINT_SECONDS, self.world.now)
        signing = life.spawn(checkpointer.run(), "checkpointer")
        await Service(self.audit, self.audit_wiring, self.parts.processor_type, timing=TIMING).run(self.broker)
        signing.cancel()
        await asyncio.gather(signing, return_exceptions=True)

    def drift_wiring(self) -> Wiring[Any]:
        return drift_wiring(DriftDetector(self.parts.systems(), Metrics("drift-detector")))

    def audit_wiring(self) -> Wiring[Any]:
        return audit_wiring(AuditLog(self.parts.chains(), Metrics("audit-log")))

    def desk(self) -> Desk[MemoryTransaction]:
        return Desk(self.drift, self.parts.systems(), self.world.now)

    def busy(self) -> list[str]:
        return behind(self.broker, self.drift, self._wirings[0]) + behind(self.broker, self.audit, self._wirings[1])

    def signed(self) -> bool:
        return self.volume.promised.issuperset(self.audit.rows("heads").values())


@dataclass(slots=True)
class Measuring:
    """telemetry-ingest: what it has at once, and what it has when references made in the meantime hold."""

    world: World
    parts: Mapping[float, Agent]
    """By when they begin, in simulated seconds."""

    async def run(self) -> None:
        for begins_at, part in self.parts.items():
            await asyncio.sleep(max(0.0, begins_at - self.world.loop.time()))
            await part.run()


@dataclass(slots=True)
class Person:
    """Has a system learn anew; who gets no answer asks again."""

    site: Site
    done: bool = False

    async def run(self) -> None:
        asked = Rebasing(tenant=load.TENANT, system=load.GIVEN, actor="user:ada", reason="it stays so")
        await asyncio.sleep(self.site.world.random.uniform(0, 15))
        while not self.done:
            try:
                await self.site.desk().rebase(asked)
                self.done = True
            except Transient:
                await asyncio.sleep(1)


@dataclass(frozen=True, slots=True)
class Records:
    """The scenario: episodes come and go, and everything that is decided goes to the record."""

    parts: Parts = field(default_factory=Parts)

    async def __call__(self, world: World) -> None:
        site, random = Site(world, self.parts), world.stream("load")
        site.start(replicas=2)
        declaring = world.process("console", Agent(site.broker, load.declared(random)).run)
        await world.until(lambda: declaring.ended and not site.busy(), REST_SECONDS_MAX, "declared")
        working = self._around(world, site)
        await world.until(lambda: all(one.ended for one in working), REST_SECONDS_MAX, "everything happened")
        world.calm_down()
        await world.until(lambda: not site.busy(), REST_SECONDS_MAX, "at rest")
        await world.until(site.signed, CHECKPOINT_SECONDS + 1, "the end of every chain signed")
        await verdict.drift(site)
        verdict.chains(site)
        verdict.checkpoints(site)

    def _around(self, world: World, site: Site) -> list[Process]:
        random = world.stream("around")
        mains = {f"ingest-{system}": _measuring(site, random, system).run for system in (load.GIVEN, load.LEARNING)}
        for name in OTHERS:
            mains[name] = Agent(site.broker, load.decided(random, name, RECORDS_OF_OTHERS)).run
        mains["person"] = Person(site).run
        return [world.process(name, main) for name, main in mains.items()]


def _measuring(site: Site, random: Random, system: str) -> Measuring:
    first = load.first_rows(random) if system == load.LEARNING else load.measured(random)
    parts = {
        0.0: first,
        load.LATER_SECONDS: load.measured_later(random, system),
        load.LAST_SECONDS: load.measured_last(random, system),
    }
    return Measuring(site.world, {at: Agent(site.broker, messages) for at, messages in parts.items()})
