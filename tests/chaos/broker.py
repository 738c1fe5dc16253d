"""The tests' own eyes and hand on Kafka: librdkafka, which no service uses."""

import asyncio
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from tests.chaos.events import Record

EVENTS = "agent.events.v1"
SUMMARIES = "telemetry.summaries.v1"
REJECTED = "telemetry.rejected.v1"
STATES = "budget.states.v1"
REGISTRY = "registry.systems.v1"
DEAD_LETTERS = tuple(f"{name}.dlq" for name in (SUMMARIES, REJECTED, STATES, REGISTRY))
DELIVERY_MS_MAX = 600_000
ANSWER_SECONDS = 20.0
READ_SECONDS_MAX = 120.0


def quiet(*_: object) -> None:
    """Nobody wants to read that a broker we killed does not answer."""


@dataclass(slots=True)
class Publisher:
    """Idempotent, acks=all, tries on for ten minutes: what was published is known exactly."""

    bootstrap: str
    acknowledged: int = 0
    failures: list[str] = field(default_factory=list)
    _producer: Any = field(init=False)

    def __post_init__(self) -> None:
        settings: dict[str, Any] = {
            "bootstrap.servers": self.bootstrap,
            "acks": "all",
            "enable.idempotence": True,
            "delivery.timeout.ms": DELIVERY_MS_MAX,
            "linger.ms": 5,
            "log_level": 0,
            "error_cb": quiet,
        }
        self._producer = Producer(settings)

    def send(self, record: Record) -> bool:
        """False when the queue is full: the broker is away, try later."""
        return self.put(EVENTS, record.partition, record.key, record.body, record.headers)

    def put(self, topic: str, partition: int, key: bytes | None, body: bytes, headers: Any) -> bool:
        """The same for any topic; a partition of -1 leaves the choice to the key."""
        try:
            self._producer.produce(topic, body, key, partition, self._on_delivery, headers=headers)
        except BufferError:
            self._producer.poll(0)
            return False
        self._producer.poll(0)
        return True

    async def flush(self) -> None:
        """Return when everything is acknowledged. AssertionError if anything never was."""
        while self._producer.flush(0.05):
            await asyncio.sleep(0.05)
        assert not self.failures, f"the broker refused {len(self.failures)} records: {self.failures[0]}"

    def _on_delivery(self, error: KafkaError | None, message: Message) -> None:
        if error is None:
            self.acknowledged += 1
        else:
            self.failures.append(f"{message.topic()}: {error}")


async def register(bootstrap: str, registrations: Mapping[str, object]) -> None:
    """Declare systems as the console would."""
    publisher = Publisher(bootstrap)
    for system, document in registrations.items():
        headers = [("ce_specversion", b"1.0"), ("ce_id", str(uuid4()).encode()), ("ce_type", REGISTRY.encode())]
        assert publisher.put(REGISTRY, -1, system.encode(), json.dumps(document).encode(), headers)
    await publisher.flush()


def _consumer(bootstrap: str) -> Any:
    return Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": f"recount-{uuid4()}",
            "enable.auto.commit": False,
            "enable.partition.eof": False,
            "fetch.message.max.bytes": 8 * 1_048_576,
            "log_level": 0,
            "error_cb": quiet,
        }
    )


def _ends(consumer: Any, topic: str) -> dict[int, int]:
    partitions = consumer.list_topics(topic, timeout=ANSWER_SECONDS).topics[topic].partitions
    ends = {}
    for partition in partitions:
        _, ends[partition] = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=ANSWER_SECONDS)
    return ends


async def end_offsets(bootstrap: str, topic: str) -> dict[int, int] | None:
    """The next offset of each partition; None while the broker cannot tell."""

    def ask() -> dict[int, int] | None:
        consumer = _consumer(bootstrap)
        try:
            return _ends(consumer, topic)
        except KafkaException:
            return None
        finally:
            consumer.close()

    return await asyncio.to_thread(ask)


async def read_all(bootstrap: str, topic: str) -> list[Message]:
    """Every record of a topic, by partition and offset. AssertionError if they do not come in two minutes."""
    return await asyncio.to_thread(_read_all, bootstrap, topic)


def _read_all(bootstrap: str, topic: str) -> list[Message]:
    consumer = _consumer(bootstrap)
    try:
        ends = _ends(consumer, topic)
        consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in ends])
        return sorted(_records(consumer, ends), key=lambda message: (message.partition(), message.offset()))
    finally:
        consumer.close()


def _records(consumer: Any, ends: Mapping[int, int]) -> Iterable[Message]:
    deadline = time.monotonic() + READ_SECONDS_MAX
    missing = {partition for partition, end in ends.items() if end}
    while missing:
        assert time.monotonic() < deadline, f"partitions {sorted(missing)} could not be read to their ends"
        for message in consumer.consume(1_000, 1.0):
            if message.error() is None:
                yield message
        for at in consumer.position([TopicPartition(tp.topic, tp.partition) for tp in consumer.assignment()]):
            if at.offset >= ends[at.partition]:
                missing.discard(at.partition)


def header(message: Message, name: str) -> str:
    """A header as text, empty where there is none."""
    return next((value.decode() for key, value in message.headers() or () if key == name), "")
