"""A tiny system that counts: numbers -> adder (condenses each batch) -> auditor. Small enough to see bus bugs."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID, uuid5

from flyball.bus.messages import fact
from flyball.bus.processor import Processor, one_by_one
from flyball.bus.records import Batch
from flyball.bus.subscription import Subscription, Wiring
from flyball.bus.typed import Received, TypedHandler
from flyball.observe.metrics import Metrics
from flyball.schemas.base import Event
from flyball.schemas.topics import Topic
from flyball.sim.broker import Broker
from flyball.sim.database import MemoryDatabase
from flyball.sim.process import Process
from flyball.sim.publisher import MemoryPublisher
from flyball.sim.runner import Service, behind
from flyball.sim.transaction import MemoryTransaction
from flyball.sim.world import World
from flyball.store.errors import Transient
from flyball.store.ports import Outgoing

NAMES = UUID("7a0f7a2e-6a0e-5b5e-9b0e-0d3c5f1b2a11")
KEYS = ("ash", "birch", "cedar", "dogwood")
REST_SECONDS_MAX = 300


class Number(Event):
    value: int


class Delta(Event):
    """What one batch adds to one key, which had ``before`` numbers until then."""

    key: str
    before: int
    count: int
    total: int


def topic(name: str, model: Any) -> Topic:
    return Topic(name=name, description="", model=model, key="key", producers=(), consumers=(), partitions=3)


NUMBERS = topic("numbers.v1", Number)
DELTAS = topic("deltas.v1", Delta)


async def add_numbers(transaction: MemoryTransaction, batch: Batch) -> None:
    """Adds each record once because of the fence alone; what it publishes depends on where the batch ends."""
    counts: Counter[str] = Counter()
    totals: Counter[str] = Counter()
    for record in batch.records:
        key = (record.key or b"").decode()
        counts[key] += 1
        totals[key] += Number.model_validate_json(record.value or b"").value
    for key in sorted(counts):
        before, total = await transaction.get("sums", key, lock=True) or (0, 0)
        await transaction.put("sums", key, (before + counts[key], total + totals[key]))
        delta = Delta(key=key, before=before, count=counts[key], total=totals[key])
        identity = uuid5(NAMES, f"{batch.partition}/{batch.records[0].offset}/{key}")
        message = fact(DELTAS, delta, source="adder", identity=identity, system=key, time=batch.recorded_at)
        await transaction.enqueue([message])


class OutOfOrderError(Exception):
    """The auditor met a delta that does not follow on what it has."""


async def audit(transaction: MemoryTransaction, received: Sequence[Received[Delta]]) -> None:
    for item in received:
        delta = item.event
        count, total = await transaction.get("audited", delta.key, lock=True) or (0, 0)
        if delta.before != count:
            raise OutOfOrderError(f"{delta} after {count} numbers")
        await transaction.put("audited", delta.key, (count + delta.count, total + delta.total))


def adder() -> Wiring[Any]:
    return Wiring("adder", [Subscription(NUMBERS, one_by_one(add_numbers), hot=True, lanes=2)], [DELTAS])


def auditor() -> Wiring[Any]:
    handler = TypedHandler("auditor", DELTAS, audit, Metrics("auditor"))
    return Wiring("auditor", [Subscription(DELTAS, handler)], [])


@dataclass(slots=True)
class Agent:
    """Publishes its messages, each until it is acknowledged; how far it came survives its own death."""

    broker: Broker
    messages: Sequence[Outgoing]
    done: int = 0

    async def run(self) -> None:
        publisher = MemoryPublisher(self.broker)
        random = self.broker.world.random
        while self.done < len(self.messages):
            await asyncio.sleep(random.uniform(0, 3))
            batch = self.messages[self.done : self.done + random.randint(1, 10)]
            try:
                await publisher.publish(batch)
                self.done += len(batch)
            except Transient:
                continue


@dataclass(frozen=True, slots=True)
class Counting:
    """The whole system. Its fields are what the planted bugs exchange."""

    transaction_type: Callable[[Broker], type[MemoryTransaction]] = lambda _: MemoryTransaction
    processor_type: type[Processor[Any]] = Processor
    numbers: int = 120
    replicas: int = 2

    async def __call__(self, world: World) -> None:
        broker = Broker(world)
        for each in (NUMBERS, DELTAS):
            broker.create(each.name, each.partitions)
        added = MemoryDatabase(world, "adder-db", transaction_type=self.transaction_type(broker))
        audited = MemoryDatabase(world, "auditor-db")
        self._start(world, broker, "adder", Service(added, adder, self.processor_type))
        self._start(world, broker, "auditor", Service(audited, auditor))
        agents = self._agents(world, broker)
        await world.until(lambda: all(agent.ended for agent in agents), REST_SECONDS_MAX, "all numbers published")
        world.calm_down()
        left = lambda: behind(broker, added, adder()) + behind(broker, audited, auditor())  # noqa: E731
        await world.until(lambda: not left(), REST_SECONDS_MAX, "everything read")
        judge(broker, added, audited)

    def _start(self, world: World, broker: Broker, name: str, service: Service) -> None:
        for replica in range(self.replicas):
            world.process(f"{name}-{replica + 1}", partial(service.run, broker))

    def _agents(self, world: World, broker: Broker) -> list[Process]:
        random = world.stream("numbers")
        agents = []
        for index in range(2):
            messages = [message(world, random.choice(KEYS), random.randint(1, 1_000)) for _ in range(self.numbers // 2)]
            agents.append(world.process(f"agent-{index + 1}", Agent(broker, messages).run))
        return agents


def message(world: World, key: str, value: int) -> Outgoing:
    identity = UUID(int=world.random.getrandbits(128))
    return fact(NUMBERS, Number(value=value), source="agent", identity=identity, system=key, time=world.now())


def judge(broker: Broker, added: MemoryDatabase, audited: MemoryDatabase) -> None:
    """Nothing lost, nothing twice: what the services have equals a recount of the log."""
    values: dict[str, list[int]] = {}
    for record in broker.records(NUMBERS.name):
        value = Number.model_validate_json(record.value or b"").value
        values.setdefault((record.key or b"").decode(), []).append(value)
    expected = {key: (len(all_of_key), sum(all_of_key)) for key, all_of_key in values.items()}
    assert added.rows("sums") == expected, f"the adder has {added.rows('sums')}, the log {expected}"
    assert audited.rows("audited") == expected, f"the auditor has {audited.rows('audited')}, the log {expected}"
