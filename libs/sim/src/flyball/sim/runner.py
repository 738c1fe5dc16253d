"""Runs a service in a simulated process as ``flyball.bus.runtime`` runs it for real, with the same delivery code."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flyball.bus.follower import Follower
from flyball.bus.lanes import Lanes
from flyball.bus.precedence import Precedence
from flyball.bus.processor import Processor
from flyball.bus.records import Record
from flyball.bus.relay import Relay
from flyball.bus.retry import Backoff, retried
from flyball.bus.subscription import Subscription, Wiring
from flyball.observe.metrics import Metrics
from flyball.sim.broker import Broker, Place
from flyball.sim.consumer import Consumer
from flyball.sim.database import MemoryDatabase
from flyball.sim.process import Life, current_life
from flyball.sim.publisher import MemoryPublisher


@dataclass(frozen=True, slots=True)
class Timing:
    """Simulated seconds; short ones, so that a run has few idle polls."""

    session_seconds: float = 3.0
    fetch_seconds: float = 2.0
    relay_idle_seconds: float = 3.0
    commit_seconds: float = 3.0
    backoff: Backoff = field(default_factory=lambda: Backoff(base_seconds=0.02, cap_seconds=2.0, attempts_max=12))


@dataclass(frozen=True, slots=True)
class Service:
    """A service as the simulation needs it. ``wire`` makes a fresh one, as each start of a process does."""

    database: Any
    """A ``MemoryDatabase``, or something that wraps one."""
    wire: Callable[[], Wiring[Any]]
    processor_type: type[Processor[Any]] = Processor
    records_max: int = 20
    timing: Timing = field(default_factory=Timing)

    async def run(self, broker: Broker) -> None:
        """Run until the process is asked to stop; finish the batch in hand."""
        life = current_life()
        if life is None:
            raise RuntimeError("a service runs in a simulated process: give World.process a main that awaits this")
        await Running(self, broker, life).run()


class Running:
    """One life of a service."""

    def __init__(self, service: Service, broker: Broker, life: Life) -> None:
        self._service = service
        self._broker = broker
        self._life = life
        self._random = broker.world.stream(f"retries of {life.process.name}")
        self._wiring = service.wire()
        self._metrics = Metrics(self._wiring.name)
        self._relay: Relay[Any] = Relay(
            service.database,
            MemoryPublisher(broker),
            self._metrics,
            idle_seconds=service.timing.relay_idle_seconds,
            backoff=service.timing.backoff,
            random=self._random,
        )

    async def run(self) -> None:
        relay = self._life.spawn(self._relay.run(), "relay")
        readers: list[Reader] = []
        for subscription in self._wiring.subscriptions:
            earlier = [reader.caught_up for reader in readers if reader.topic in subscription.after]
            readers.append(self._reader(subscription, Precedence(earlier)))
        await self._life.stopping
        for reader in readers:
            await reader.stop()
        relay.cancel()
        await asyncio.gather(relay, return_exceptions=True)

    def _reader(self, subscription: Subscription[Any], precedence: Precedence) -> "Reader":
        processor = self._service.processor_type(
            self._wiring.name,
            self._service.database,
            subscription.handle,
            self._metrics,
            self._relay.wake,
            self._service.timing.backoff,
            self._random,
        )
        return Reader(self._life, self._broker, subscription, processor, precedence, self._service)


class Reader:
    """``flyball.bus.hot.HotConsumer`` and ``flyball.bus.control.ControlConsumer`` on the simulated broker."""

    def __init__(
        self,
        life: Life,
        broker: Broker,
        subscription: Subscription[Any],
        processor: Processor[Any],
        precedence: Precedence,
        service: Service,
    ) -> None:
        self.topic = subscription.topic
        self._broker = broker
        self._processor = processor
        self._precedence = precedence
        self._transactions = subscription.transactions
        self._lanes = Lanes(self._take_one, subscription.lanes) if subscription.hot else None
        self._records_max = min(subscription.records_max, service.records_max)
        self._timing = service.timing
        self._stopping = False
        self._follower: Follower[Any] = Follower(processor, self._seek)
        group, name = f"{processor.consumer}.{self.topic.name}", self.topic.name
        self._consumer = Consumer(broker, group, name, service.timing.session_seconds, self._on_assigned)
        self._belonging = life.spawn(self._consumer.belong(), f"membership for {name}")
        self._reading = life.spawn(self._read(), f"reader of {name}")

    async def stop(self) -> None:
        self._stopping = True
        await self._reading
        self._belonging.cancel()
        await self._consumer.leave()

    async def caught_up(self) -> bool:
        """Has every record that the topic holds now had its effect, by whichever replica?"""
        ends = await self._broker.ends(self.topic.name)
        stored = await self._processor.database.positions(self._processor.consumer, self.topic.name)
        return all(stored.get(partition, 0) >= end for partition, end in ends.items())

    async def _on_assigned(self, places: Collection[Place]) -> None:
        self._follower.forget()
        await self._follower.settle(places)

    async def _read(self) -> None:
        try:
            await self._read_until_stopped()
            if self._lanes is not None:
                await self._lanes.end()
        finally:
            if self._lanes is not None:
                self._lanes.abandon()

    async def _read_until_stopped(self) -> None:
        loop = self._broker.world.loop
        commit_at = loop.time() + self._timing.commit_seconds
        while not self._stopping:
            fetched = await self._consumer.getmany(self._timing.fetch_seconds, self._records_max)
            if fetched:
                await self._take(fetched)
            if loop.time() >= commit_at:
                await self._consumer.commit()
                commit_at = loop.time() + self._timing.commit_seconds

    async def _take(self, fetched: Mapping[Place, Sequence[Record]]) -> None:
        by_partition = {partition: records for (_, partition), records in fetched.items()}
        stand = self._lanes.stand(list(by_partition)) if self._lanes is not None else {}
        await retried(
            "reading what comes first", self._precedence.wait, self._processor.backoff, self._processor.random
        )
        if self._lanes is None:
            for taken in self._transactions(by_partition):
                await self._follower.take(self.topic.name, taken)
            return
        for partition, records in by_partition.items():
            await self._lanes.put(partition, records, stand)

    async def _take_one(self, partition: int, records: Sequence[Record]) -> None:
        await self._follower.take(self.topic.name, {partition: records})

    def _seek(self, topic: str, partition: int, offset: int) -> None:
        if self._lanes is not None:
            self._lanes.moved(partition)
        if (topic, partition) in self._consumer.assignment:
            self._consumer.seek((topic, partition), offset)


def behind(broker: Broker, database: MemoryDatabase, wiring: Wiring[Any]) -> list[str]:
    """What a service has still to do: records beyond its positions, messages in its outbox. Empty when at rest."""
    positions = database.rows("positions")
    left = [
        f"{wiring.name} stands at {positions.get((wiring.name, log.topic, log.partition), 0)}"
        f" of {log.end} in {log.topic}[{log.partition}]"
        for subscription in wiring.subscriptions
        for log in broker.partitions(subscription.topic.name)
        if positions.get((wiring.name, log.topic, log.partition), 0) < log.end
    ]
    waiting = len(database.rows("outbox"))
    return left + ([f"{waiting} messages wait in the outbox of {wiring.name}"] if waiting else [])
