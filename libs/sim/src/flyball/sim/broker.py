"""A broker in memory that keeps Kafka's promises and no more.

Kept: the order of a partition, its offsets, append times that never fall, and every acknowledged record. Not promised:
that a publisher hears of its success, that compaction leaves older records, or how many records a fetch brings.
"""

import asyncio
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from zlib import crc32

from flyball.bus.records import Record
from flyball.sim.group import Group
from flyball.sim.network import Server
from flyball.sim.world import EPOCH, World, settle
from flyball.store.ports import Outgoing

Place = tuple[str, int]
"""Topic and partition."""
ANSWERS_LATE = 0.3
"""Chance that a fetch does not wait for one more of its partitions."""
FULL = 0.4
"""Chance that a partition gives all that it has."""
EPOCH_MS = int(EPOCH.timestamp() * 1000)


@dataclass(slots=True)
class Log:
    """One partition. Offsets rise by one at the end; compaction leaves gaps further up."""

    topic: str
    partition: int
    end: int = 0
    records: list[Record] = field(default_factory=list)
    _timestamp_ms: int = 0

    def append(self, message: Outgoing, now_ms: int) -> None:
        self._timestamp_ms = max(self._timestamp_ms, now_ms)
        headers = tuple(message.headers)
        self.records.append(
            Record(self.topic, self.partition, self.end, self._timestamp_ms, message.key or None, message.body, headers)
        )
        self.end += 1

    def read(self, offset: int, records_max: int) -> Sequence[Record]:
        start = bisect_left(self.records, offset, key=lambda record: record.offset)
        return self.records[start : start + records_max]

    def compact(self) -> None:
        """Leave the newest record of each key, and the very last one of all."""
        newest = {record.key: record.offset for record in self.records}
        self.records = [r for r in self.records if newest[r.key] == r.offset or r.offset == self.end - 1]


class Broker(Server):
    """Topics, and the groups that read them."""

    def __init__(self, world: World, name: str = "broker") -> None:
        super().__init__(world, name)
        self.logs: dict[Place, Log] = {}
        self._partitions: dict[str, int] = {}
        self._groups: dict[str, Group] = {}
        self._random = world.stream("broker")
        self._waiting: list[asyncio.Future[None]] = []

    def create(self, topic: str, partitions: int) -> None:
        self._partitions[topic] = partitions
        self.logs |= {(topic, partition): Log(topic, partition) for partition in range(partitions)}

    def partitions(self, topic: str) -> Sequence[Log]:
        """The logs of a topic, for those who judge a run."""
        return [self.logs[topic, partition] for partition in range(self._partitions[topic])]

    def records(self, topic: str) -> list[Record]:
        """Everything on a topic, partition by partition."""
        return [record for log in self.partitions(topic) for record in log.records]

    def group(self, name: str) -> Group:
        if name not in self._groups:
            self._groups[name] = Group(self.world, name, self._partitions)
        return self._groups[name]

    def place_of(self, message: Outgoing) -> Place:
        """The same partition for the same key, any one without a key."""
        count = self._partitions[message.topic]
        chosen = crc32(message.key) % count if message.key else self._random.randrange(count)
        return message.topic, chosen

    def append(self, place: Place, messages: Sequence[Outgoing]) -> None:
        """On the broker's side: write, and wake who waits for records."""
        now_ms = EPOCH_MS + int(self.world.loop.time() * 1000)
        log = self.logs[place]
        self.world.note(self.name, f"{place[0]}[{place[1]}] {log.end}+{len(messages)}")
        for message in messages:
            log.append(message, now_ms)
        waiting, self._waiting = self._waiting, []
        for fetch in waiting:
            settle(fetch)

    def copy(self, other: "Broker", topic: str) -> None:
        """Have what another broker has on a topic, for a replay: same offsets, same append times."""
        for log in other.partitions(topic):
            self.logs[topic, log.partition] = Log(topic, log.partition, log.end, list(log.records))

    async def fetch(
        self, positions: Mapping[Place, int], records_max: int, wait_seconds: float
    ) -> Mapping[Place, Sequence[Record]]:
        """Some records from ``positions`` on, at most ``records_max``; waits for the first one. Anybody may fetch."""

        async def effect() -> Mapping[Place, Sequence[Record]]:
            if not self._ready(positions):
                await self._appended(wait_seconds)
            return self._some(positions, records_max)

        fetched: Mapping[Place, Sequence[Record]] = await self.call("fetch", effect)
        return fetched

    async def ends(self, topic: str) -> Mapping[int, int]:
        """Offset behind the last record, by partition."""
        ends: Mapping[int, int] = await self.call(
            f"ends of {topic}", lambda: {log.partition: log.end for log in self.partitions(topic)}
        )
        return ends

    def compact(self, topic: str) -> None:
        """What a compacted topic must be ready for at any time."""
        self.world.note(self.name, f"compacts {topic}")
        for log in self.partitions(topic):
            log.compact()

    def _ready(self, positions: Mapping[Place, int]) -> list[Place]:
        return [place for place, offset in positions.items() if self.logs[place].end > offset]

    async def _appended(self, wait_seconds: float) -> None:
        waiter: asyncio.Future[None] = self.world.loop.create_future()
        self._waiting.append(waiter)
        self.world.outside(wait_seconds, settle, waiter)
        await waiter

    def _some(self, positions: Mapping[Place, int], records_max: int) -> dict[Place, Sequence[Record]]:
        places = self._ready(positions)
        self._random.shuffle(places)
        found: dict[Place, Sequence[Record]] = {}
        left = records_max
        for place in places:
            if left == 0 or (found and self._random.random() < ANSWERS_LATE):
                break
            wanted = left if self._random.random() < FULL else self._random.randint(1, left)
            records = self.logs[place].read(positions[place], wanted)
            if records:
                found[place] = records
                left -= len(records)
        return found
