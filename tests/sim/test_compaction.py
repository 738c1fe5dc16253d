"""A reader of a compacted topic meets gaps wherever it starts, and still ends with the newest record of each key."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from flyball.bus.messages import fact
from flyball.bus.subscription import Subscription, Wiring
from flyball.bus.typed import Received, TypedHandler
from flyball.observe.metrics import Metrics
from flyball.schemas.base import Event
from flyball.sim.broker import Broker
from flyball.sim.database import MemoryDatabase
from flyball.sim.process import Faults
from flyball.sim.runner import Service, behind
from flyball.sim.seeds import run_seed
from flyball.sim.transaction import MemoryTransaction
from flyball.sim.world import World
from flyball.store.ports import Outgoing
from tests.sim.counting import KEYS, Agent, topic

SETTINGS_COUNT = 80
REST_SECONDS_MAX = 300


class Setting(Event):
    key: str
    version: int


SETTINGS = topic("settings.v1", Setting)


async def keep(transaction: MemoryTransaction, received: Sequence[Received[Setting]]) -> None:
    for item in received:
        await transaction.put("settings", item.event.key, item.event.version)


def keeper() -> Wiring[Any]:
    return Wiring("keeper", [Subscription(SETTINGS, TypedHandler("keeper", SETTINGS, keep, Metrics("keeper")))], [])


@dataclass(frozen=True, slots=True)
class Keeping:
    """One who writes, two who read, and a broker that compacts at any moment."""

    async def __call__(self, world: World) -> None:
        broker = Broker(world)
        broker.create(SETTINGS.name, SETTINGS.partitions)
        database = MemoryDatabase(world, "keeper-db")
        service = Service(database, keeper)
        for number in (1, 2):
            world.process(f"keeper-{number}", partial(service.run, broker))
        random = world.stream("settings")
        messages = [_message(world, random.choice(KEYS), version) for version in range(SETTINGS_COUNT)]
        agent = world.process("writer", Agent(broker, messages).run)
        while not agent.ended:
            await asyncio.sleep(random.uniform(0, 3))
            broker.compact(SETTINGS.name)
        world.calm_down()
        await world.until(lambda: not behind(broker, database, keeper()), REST_SECONDS_MAX, "everything read")
        newest = {(record.key or b"").decode(): _version(record.value) for record in broker.records(SETTINGS.name)}
        assert database.rows("settings") == newest


def _message(world: World, key: str, version: int) -> Outgoing:
    identity = UUID(int=world.random.getrandbits(128))
    event = Setting(key=key, version=version)
    return fact(SETTINGS, event, source="writer", identity=identity, system=key, time=world.now())


def _version(value: bytes | None) -> int:
    return Setting.model_validate_json(value or b"").version


@pytest.mark.seeds
def test_the_newest_record_of_each_key_wins() -> None:
    for seed in range(20):
        run_seed(Keeping(), seed, Faults())
