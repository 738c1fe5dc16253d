"""The broker: Kafka's promises, and the lack of others."""

import asyncio
from collections.abc import Sequence

from flyball.sim.broker import Broker
from flyball.sim.consumer import Consumer
from flyball.sim.process import CALM, Faults
from flyball.sim.publisher import MemoryPublisher
from flyball.sim.world import World
from flyball.store.errors import Transient
from flyball.store.ports import Outgoing

TOPIC = "numbers.v1"


def message(key: str, text: str) -> Outgoing:
    return Outgoing(TOPIC, key.encode(), (), text.encode())


def new_broker(world: World, partitions: int = 3) -> Broker:
    broker = Broker(world)
    broker.create(TOPIC, partitions)
    return broker


def bodies(broker: Broker) -> list[str]:
    return [(record.value or b"").decode() for record in broker.records(TOPIC)]


def test_a_partition_has_an_order_offsets_and_append_times_that_never_fall() -> None:
    world = World(1)
    broker = new_broker(world)

    async def scenario() -> None:
        publisher = MemoryPublisher(broker)
        for number in range(50):
            await publisher.publish([message(f"key{number % 7}", str(number))])

    world.run(scenario())
    for log in broker.partitions(TOPIC):
        assert [record.offset for record in log.records] == list(range(log.end))
        times = [record.timestamp_ms for record in log.records]
        assert times == sorted(times)
        numbers = [int(record.value or b"") for record in log.records]
        assert numbers == sorted(numbers)
    keys = [{record.key for record in log.records} for log in broker.partitions(TOPIC)]
    assert sum(map(len, keys)) == 7


def test_messages_without_a_key_go_anywhere() -> None:
    world = World(1)
    broker = new_broker(world)

    async def scenario() -> None:
        await MemoryPublisher(broker).publish([message("", str(number)) for number in range(50)])

    world.run(scenario())
    assert all(log.end > 5 for log in broker.partitions(TOPIC))


def test_what_is_acknowledged_is_never_lost_and_what_is_not_may_be_there() -> None:
    duplicates = 0
    for seed in range(20):
        world = World(seed, Faults(refused=0.2, lost=0.2, kill=0.1))
        broker = new_broker(world)
        acknowledged: list[str] = []
        todo = list(range(10))

        async def main(broker=broker, todo=todo, acknowledged=acknowledged) -> None:
            publisher = MemoryPublisher(broker)
            while todo:
                batch = [message(f"key{number}", str(number)) for number in todo[:3]]
                try:
                    await publisher.publish(batch)
                except Transient:
                    continue
                acknowledged += [sent.body.decode() for sent in batch]
                del todo[:3]

        async def scenario(world=world, main=main) -> None:
            agent = world.process("agent", main)
            await world.until(lambda: agent.ended, 200, "all published")

        world.run(scenario())
        assert set(acknowledged) <= set(bodies(broker))
        duplicates += len(bodies(broker)) - len(set(bodies(broker)))
    assert duplicates > 0


async def read(consumer: Consumer, seconds: float) -> list[str]:
    """What a consumer gets in some time."""
    loop, got = asyncio.get_running_loop(), []
    end = loop.time() + seconds
    while loop.time() < end:
        for records in (await consumer.getmany(0.5, 100)).values():
            got += [(record.value or b"").decode() for record in records]
    return got


class Member:
    """A process that reads, and may be paused between a fetch and what it does with it."""

    def __init__(self, world: World, broker: Broker, name: str) -> None:
        self.got: list[str] = []
        self.assignments = 0
        self.process = world.process(name, lambda: self._run(broker))

    async def _run(self, broker: Broker) -> None:
        self.consumer = Consumer(broker, "group", TOPIC, 3.0, self._assigned)
        belonging = asyncio.ensure_future(self.consumer.belong())
        try:
            while True:
                self.got += await read(self.consumer, 0.5)
        finally:
            belonging.cancel()

    async def _assigned(self, places: object) -> None:
        self.assignments += 1


def places(members: Sequence[Member]) -> list[int]:
    return sorted(partition for member in members for _, partition in member.consumer.assignment)


def test_members_share_the_partitions_and_take_over_from_each_other() -> None:
    world = World(1, CALM)
    broker = new_broker(world)

    async def scenario() -> None:
        first, second = Member(world, broker, "first"), Member(world, broker, "second")
        await asyncio.sleep(10)
        assert places([first, second]) == [0, 1, 2]
        assert first.consumer.assignment
        assert second.consumer.assignment
        await MemoryPublisher(broker).publish([message(f"key{number}", str(number)) for number in range(30)])
        await asyncio.sleep(5)
        assert sorted(first.got + second.got) == sorted(map(str, range(30)))
        first.process.kill()
        first.process.ended = True
        await asyncio.sleep(10)
        assert places([second]) == [0, 1, 2]
        # Nobody has committed, so the group stands where it began.
        assert sorted(set(second.got)) == sorted(map(str, range(30)))

    world.run(scenario())


def test_a_zombie_keeps_what_it_holds_until_it_hears_that_it_was_replaced() -> None:
    world = World(1, CALM)
    broker = new_broker(world, partitions=1)

    async def scenario() -> None:
        old, new = Member(world, broker, "old"), Member(world, broker, "new")
        await asyncio.sleep(8)
        owner, other = (old, new) if old.consumer.assignment else (new, old)
        owner.process.pause(20)
        await asyncio.sleep(10)
        assert other.consumer.assignment == owner.consumer.assignment == {(TOPIC, 0)}
        await asyncio.sleep(20)
        assert len(old.consumer.assignment) + len(new.consumer.assignment) == 1

    world.run(scenario())


def test_offsets_committed_by_an_old_generation_are_not_taken() -> None:
    world = World(1, CALM)
    broker = new_broker(world)
    group = broker.group("group")

    async def scenario() -> None:
        membership = await group.join(0, "one", TOPIC, 3.0)
        assert group.commit(membership.member, membership.generation, {(TOPIC, 0): 5})
        joining = group.join(0, "two", TOPIC, 3.0)
        assert group.heartbeat(membership.member, membership.generation) == "rebalancing"
        again = await group.join(membership.member, "one", TOPIC, 3.0)
        assert (await joining).generation == again.generation == membership.generation + 1
        assert not group.commit(membership.member, membership.generation, {(TOPIC, 0): 9})
        assert group.committed == {(TOPIC, 0): 5}

    world.run(scenario())


def test_compaction_leaves_the_newest_of_each_key_at_its_offset() -> None:
    world = World(1, CALM)
    broker = new_broker(world, partitions=1)

    async def scenario() -> None:
        await MemoryPublisher(broker).publish([message(f"key{number % 3}", str(number)) for number in range(10)])
        broker.compact(TOPIC)
        fetched = await broker.fetch({(TOPIC, 0): 0}, 100, 1.0)
        offsets = [record.offset for record in fetched[TOPIC, 0]]
        assert offsets == [7, 8, 9][: len(offsets)]

    world.run(scenario())
    assert bodies(broker) == ["7", "8", "9"]
