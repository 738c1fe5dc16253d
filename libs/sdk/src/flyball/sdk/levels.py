"""Follows ``autonomy.levels.v1``: reads it to its end, then whatever comes, on a thread of its own."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Message, TopicPartition
from pydantic import ValidationError

from flyball.schemas.autonomy import Heartbeat, LevelSet
from flyball.schemas.topics import AUTONOMY_LEVELS
from flyball.sdk.deciding import NONE, Known
from flyball.sdk.lease import Lease

logger = logging.getLogger("flyball.sdk")
ANSWER_SECONDS = 2.0
CLOSE_SECONDS_MAX = 0.5
RETRY_SECONDS = 1.0
POLL_SECONDS = 0.1
SystemKey = tuple[str, str]


def boot_seconds() -> float:
    """Seconds of a clock that also counts while the machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@dataclass(slots=True)
class Levels:
    """What is known now. Readers take whole mappings, which are never changed, only replaced: no lock is needed."""

    client: Mapping[str, Any]
    clock: Callable[[], float] = boot_seconds
    _controls: dict[SystemKey, dict[str, LevelSet]] = field(default_factory=dict)
    _partitions: dict[tuple[str, str, str], int] = field(default_factory=dict)
    _leases: dict[int, Lease] = field(default_factory=dict)
    _behind: dict[int, int] = field(default_factory=dict)
    """By partition: the end that must be reached before a heartbeat counts."""
    _stopping: threading.Event = field(default_factory=threading.Event)
    _changed: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="flyball-sdk-levels", daemon=True)
        self._thread.start()

    def known(self, tenant: str, system: str, parent: str | None) -> Known:
        """What a decision about ``system`` rests on."""
        own = self._controls.get((tenant, system), NONE)
        above = self._controls.get((tenant, parent), NONE) if parent else None
        now = self.clock()
        used = [(tenant, system, name) for name in own]
        used += [(tenant, parent, name) for name in above or () if parent]
        ages = [self._leases[self._partitions[key]].age_seconds(now) for key in used]
        return Known(own, above, max(ages, default=float("inf")))

    def wait_for_change(self, seconds_max: float) -> None:
        """Return after the next record, or when the time is over."""
        self._changed.clear()
        self._changed.wait(seconds_max)

    def close(self) -> None:
        self._stopping.set()
        if self._thread is not None:
            # It may be waiting for a broker; being a daemon, it ends with the process.
            self._thread.join(CLOSE_SECONDS_MAX)

    def take(self, partition: int, key: bytes | None, value: bytes | None, *, is_live: bool) -> None:
        """One record of the topic. A heartbeat from before this process had read to the end says nothing."""
        lease = self._leases.setdefault(partition, Lease())
        if value is None:
            self._forget(key)
            return
        record = AUTONOMY_LEVELS.adapter.validate_json(value)
        if isinstance(record, LevelSet):
            self._put(partition, record)
        elif isinstance(record, Heartbeat) and is_live:
            lease.heard(record.at.timestamp(), self.clock())

    def _put(self, partition: int, record: LevelSet) -> None:
        """A relay that was frozen publishes an old record after a newer one; that must not give autonomy back."""
        system = (record.tenant, record.system)
        held = self._controls.get(system, {})
        before = held.get(record.action_class)
        if before is None or record.changed_at >= before.changed_at:
            self._partitions[*system, record.action_class] = partition
            self._controls[system] = {**held, record.action_class: record}

    def _forget(self, key: bytes | None) -> None:
        tenant, _, rest = (key or b"").decode("utf-8", "replace").partition("/")
        system, _, action_class = rest.partition("/")
        held = dict(self._controls.get((tenant, system), {}))
        held.pop(action_class, None)
        self._controls[tenant, system] = held

    def _run(self) -> None:
        said = ""
        while not self._stopping.is_set():
            try:
                self._follow()
            except KafkaException as error:
                # The lease runs out by itself while this lasts. Said once, not once a second.
                if str(error) != said:
                    said = str(error)
                    logger.warning("the levels cannot be read: %s", said)
                self._stopping.wait(RETRY_SECONDS)

    def _follow(self) -> None:
        consumer = Consumer(
            {
                **self.client,
                # Nobody shares the work, so nothing is committed: each process reads everything.
                "group.id": f"flyball-sdk-{uuid4()}",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 100,
            }
        )
        try:
            self._assign(consumer)
            while not self._stopping.is_set():
                message = consumer.poll(POLL_SECONDS)
                if message is not None:
                    self._received(message)
        finally:
            consumer.close()

    def _assign(self, consumer: Consumer) -> None:
        name = AUTONOMY_LEVELS.name
        partitions = sorted(consumer.list_topics(name, ANSWER_SECONDS).topics[name].partitions)
        if not partitions:
            raise KafkaException(f"the topic {name} does not exist")
        places = [TopicPartition(name, number, OFFSET_BEGINNING) for number in partitions]
        self._behind = {place.partition: consumer.get_watermark_offsets(place, ANSWER_SECONDS)[1] for place in places}
        consumer.assign(places)

    def _received(self, message: Message) -> None:
        if message.error():
            logger.info("levels: %s", message.error())
            return
        partition, offset = message.partition() or 0, message.offset() or 0
        try:
            is_live = offset >= self._behind.get(partition, 0)
            self.take(partition, message.key(), message.value(), is_live=is_live)
        except ValidationError as error:
            # A record of a later release: what it says is unknown, so nothing is taken from it.
            logger.warning("levels[%d]@%d cannot be read: %s", partition, offset, error)
        self._changed.set()
