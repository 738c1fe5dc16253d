"""The whole system: agents -> telemetry-ingest -> budget-ledger, two replicas each, and what must hold at its end."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID

from budget_ledger.service import BudgetLedger
from budget_ledger.service import wiring as ledger_wiring
from flyball.bus.messages import fact
from flyball.bus.processor import Processor
from flyball.bus.subscription import Wiring
from flyball.observe.metrics import Metrics
from flyball.schemas.topics import AGENT_EVENTS, REGISTRY_SYSTEMS, TELEMETRY_SUMMARIES, TOPICS
from flyball.sim.broker import Broker
from flyball.sim.database import MemoryDatabase
from flyball.sim.keeper import MemoryMap
from flyball.sim.publisher import MemoryPublisher
from flyball.sim.runner import Service, behind
from flyball.sim.transaction import MemoryTransaction
from flyball.sim.world import World
from flyball.store.errors import Transient
from flyball.store.ports import Outgoing
from telemetry_ingest.domain.verdicts import Limits
from telemetry_ingest.ports import Joins
from telemetry_ingest.service import TelemetryIngest
from telemetry_ingest.service import wiring as ingest_wiring
from tests.sim import verdict
from tests.sim.events import Load, registrations
from tests.sim.memory_ingest import MemoryFeeds, MemoryReferences, MemorySightings, MemoryTotals
from tests.sim.memory_joins import MemoryJoins
from tests.sim.memory_ledger import MemoryLedger

PARTITIONS = 4
REST_SECONDS_MAX = 600
AGENTS = 3
REPLAY_EVERY = 4


@dataclass(slots=True)
class Agent:
    """Publishes its records, each until it is acknowledged; how far it came survives its own death."""

    broker: Broker
    messages: Sequence[Outgoing]
    done: int = 0

    async def run(self) -> None:
        publisher = MemoryPublisher(self.broker)
        random = self.broker.world.random
        while self.done < len(self.messages):
            await asyncio.sleep(random.uniform(0, 4))
            batch = self.messages[self.done : self.done + random.randint(1, 15)]
            try:
                await publisher.publish(batch)
                self.done += len(batch)
            except Transient:
                continue


@dataclass(slots=True)
class Site:
    """One installation: the servers, and the services on them."""

    world: World
    name: str = ""
    transaction_type: Callable[[Broker], type[MemoryTransaction]] = lambda _: MemoryTransaction
    processor_type: type[Processor[Any]] = Processor
    records_max: int = 30
    joins_type: Callable[[MemoryMap], Joins] = MemoryJoins
    broker: Broker = field(init=False)
    redis: MemoryMap = field(init=False)
    totals: MemoryDatabase = field(init=False)
    ledger: MemoryDatabase = field(init=False)

    def __post_init__(self) -> None:
        self.broker = Broker(self.world, f"{self.name}broker")
        self.redis = MemoryMap(self.world, f"{self.name}redis")
        for topic in TOPICS:
            self.broker.create(topic.name, PARTITIONS)
        self.totals = self._database("ingest-db")
        self.ledger = self._database("ledger-db")

    def start_ingest(self, replicas: int) -> None:
        self._start("ingest", self.totals, self.ingest_wiring, replicas)

    def start_ledger(self, replicas: int) -> None:
        self._start("ledger", self.ledger, self.ledger_wiring, replicas)

    def ingest_wiring(self) -> Wiring[Any]:
        ingest = TelemetryIngest(
            Limits(),
            MemorySightings(self.redis),
            MemoryTotals,
            MemoryReferences,
            self.joins_type(self.redis),
            MemoryFeeds,
            Metrics("telemetry-ingest"),
        )
        return ingest_wiring(ingest, self.records_max)

    def ledger_wiring(self) -> Wiring[Any]:
        return ledger_wiring(BudgetLedger(MemoryLedger, Metrics("budget-ledger")))

    async def ingest_at_rest(self) -> None:
        await self._at_rest(self.totals, self.ingest_wiring())

    async def ledger_at_rest(self) -> None:
        await self._at_rest(self.ledger, self.ledger_wiring())

    async def _at_rest(self, database: MemoryDatabase, wiring: Wiring[Any]) -> None:
        try:
            await self.world.until(lambda: not behind(self.broker, database, wiring), REST_SECONDS_MAX, "at rest")
        except AssertionError as error:
            raise AssertionError(f"{error}: {'; '.join(behind(self.broker, database, wiring))}") from None

    def _start(self, name: str, database: MemoryDatabase, wire: Callable[[], Wiring[Any]], replicas: int) -> None:
        service = Service(database, wire, self.processor_type, self.records_max)
        for replica in range(replicas):
            self.world.process(f"{self.name}{name}-{replica + 1}", partial(service.run, self.broker))

    def _database(self, name: str) -> MemoryDatabase:
        return MemoryDatabase(self.world, f"{self.name}{name}", transaction_type=self.transaction_type(self.broker))


@dataclass(frozen=True, slots=True)
class Whole:
    """The scenario. ``transaction_type`` and ``processor_type`` are what planted bugs exchange."""

    transaction_type: Callable[[Broker], type[MemoryTransaction]] = lambda _: MemoryTransaction
    processor_type: type[Processor[Any]] = Processor
    joins_type: Callable[[MemoryMap], Joins] = MemoryJoins
    events: int = 105

    async def __call__(self, world: World) -> None:
        site = Site(world, "", self.transaction_type, self.processor_type, joins_type=self.joins_type)
        site.start_ingest(replicas=2)
        site.start_ledger(replicas=2)
        await self._publish(world, site.broker, [_registrations(world)])
        await site.ledger_at_rest()
        load = Load(world.stream("load"))
        share = self.events // AGENTS
        await self._publish(world, site.broker, [[load.next() for _ in range(share)] for _ in range(AGENTS)])
        world.calm_down()
        await site.ingest_at_rest()
        await site.ledger_at_rest()
        verdict.conservation(site.broker, site.totals, load.made)
        verdict.summaries(site.broker, site.totals)
        verdict.joins(site.broker, load.made)
        verdict.ledger(site.broker, site.ledger, load.made)
        if world.seed % REPLAY_EVERY == 0:
            await _replayed(world, site, load.made)

    async def _publish(self, world: World, broker: Broker, shares: Sequence[Sequence[Outgoing]]) -> None:
        """Each share from a process of its own; returns when all is acknowledged."""
        agents = [world.process(f"agent-{number}", Agent(broker, share).run) for number, share in enumerate(shares, 1)]
        await world.until(lambda: all(agent.ended for agent in agents), REST_SECONDS_MAX, "everything published")


async def _replayed(world: World, site: Site, made: verdict.Made) -> None:
    """Invariant 2: read again from zero by fresh databases, in other batches, the logs give the same."""
    again = Site(world, "again-", records_max=world.random.randint(1, 60))
    again.broker.copy(site.broker, AGENT_EVENTS.name)
    again.start_ingest(replicas=1)
    await again.ingest_at_rest()
    verdict.same_totals(site.totals, again.totals)
    verdict.joins(again.broker, made)
    fresh = Site(world, "fresh-", records_max=world.random.randint(1, 60))
    for topic in (TELEMETRY_SUMMARIES, REGISTRY_SYSTEMS):
        fresh.broker.copy(site.broker, topic.name)
    fresh.start_ledger(replicas=1)
    await fresh.ledger_at_rest()
    verdict.same_ledger(site.ledger, fresh.ledger)


def _registrations(world: World) -> list[Outgoing]:
    return [
        fact(
            REGISTRY_SYSTEMS,
            event,
            source="console",
            identity=UUID(int=world.random.getrandbits(128)),
            system=event.system,
            time=world.now(),
        )
        for event in registrations()
    ]
