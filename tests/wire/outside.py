"""Flyball as strangers see it: Kafka through librdkafka, and the services over HTTP, with no client of ours."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx
from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition

Answer = TypeVar("Answer")
Headers = Sequence[tuple[str, bytes | None]]
POLL_SECONDS = 0.05
DEADLINE_SECONDS = 60.0
PRODUCER_BYTES_MAX = 16 * 1_048_576


@dataclass(frozen=True, slots=True)
class Letter:
    """A record to publish; without a partition the key chooses one."""

    topic: str
    key: bytes | None
    body: bytes | None
    headers: Headers = ()
    partition: int | None = None


Place = tuple[str, int, int]
"""Topic, partition, offset."""


@dataclass(frozen=True, slots=True)
class Broker:
    """Kafka as confluent-kafka sees it."""

    bootstrap: str

    def publish(self, letters: Sequence[Letter]) -> list[Place]:
        """Publish in order and return where each one stands. AssertionError when the broker refuses one."""
        producer = Producer(
            {"bootstrap.servers": self.bootstrap, "message.max.bytes": PRODUCER_BYTES_MAX, "enable.idempotence": True}
        )
        delivered: list[tuple[Exception | None, Message]] = []
        for letter in letters:
            place = {} if letter.partition is None else {"partition": letter.partition}
            producer.produce(
                letter.topic,
                letter.body,
                letter.key,
                headers=list(letter.headers),
                on_delivery=lambda error, message: delivered.append((error, message)),
                **place,
            )
            producer.poll(0)
        assert producer.flush(DEADLINE_SECONDS) == 0, "the broker did not acknowledge everything"
        assert [error for error, _ in delivered if error] == []
        return [(message.topic(), message.partition(), message.offset()) for _, message in delivered]

    def ends(self, topic: str) -> dict[int, int]:
        """The next offset of each partition."""
        with self._consumer() as consumer:
            return self._ends(consumer, topic)

    def read(self, topic: str, since: Mapping[int, int]) -> list[Message]:
        """Every record of the topic from ``since`` up to its present end."""
        with self._consumer() as consumer:
            left = {partition: end for partition, end in self._ends(consumer, topic).items() if end > since[partition]}
            if not left:
                return []
            consumer.assign([TopicPartition(topic, partition, since[partition]) for partition in left])
            found: list[Message] = []
            deadline = time.monotonic() + DEADLINE_SECONDS
            while left:
                assert time.monotonic() < deadline, f"{topic} cannot be read to its end: {left}"
                for message in consumer.consume(10_000, timeout=0.1):
                    if message.error():
                        raise KafkaException(message.error())
                    found.append(message)
                    if message.offset() + 1 >= left.get(message.partition(), 0):
                        left.pop(message.partition(), None)
            return found

    def committed(self, group: str, topic: str) -> dict[int, int]:
        """How far a group says it is, 0 where it has said nothing."""
        with self._consumer(group) as consumer:
            places = [TopicPartition(topic, partition) for partition in self._ends(consumer, topic)]
            return {place.partition: max(place.offset, 0) for place in consumer.committed(places, DEADLINE_SECONDS)}

    def _consumer(self, group: str = "tests") -> Consumer:
        return Consumer(
            {
                "bootstrap.servers": self.bootstrap,
                "group.id": group,
                "enable.auto.commit": False,
                "fetch.wait.max.ms": 50,
            }
        )

    def _ends(self, consumer: Consumer, topic: str) -> dict[int, int]:
        partitions = consumer.list_topics(topic, DEADLINE_SECONDS).topics[topic].partitions
        return {
            number: consumer.get_watermark_offsets(TopicPartition(topic, number), DEADLINE_SECONDS)[1]
            for number in partitions
        }


@dataclass(frozen=True, slots=True)
class Answers:
    """What the services answer over HTTP."""

    urls: Mapping[str, str]
    token: str

    async def totals(self, system: str) -> dict[str, int]:
        """Published, counted, duplicates and rejected; zeros for a system that ingest does not know."""
        items = (await self._get("telemetry-ingest", "/v1/totals", system=system))["items"]
        names = ("published", "counted", "duplicates", "rejected", "late")
        return {name: items[0][name] if items else 0 for name in names}

    async def budget(self, system: str, dimension: str) -> dict[str, Any] | None:
        """One budget's statement; None while the ledger has none."""
        items = (await self._get("budget-ledger", "/v1/budgets", system=system))["items"]
        budgets = items[0]["budgets"] if items else []
        return next((budget for budget in budgets if budget["dimension"] == dimension), None)

    async def explanation(self, system: str, dimension: str) -> dict[str, Any]:
        return await self._get("budget-ledger", f"/v1/budgets/{system}/explain", dimension=dimension)

    async def _get(self, service: str, path: str, **query: str) -> dict[str, Any]:
        async with httpx.AsyncClient(base_url=self.urls[service], timeout=DEADLINE_SECONDS) as client:
            answer = await client.get(path, params=query, headers={"authorization": f"Bearer {self.token}"})
            assert answer.status_code == httpx.codes.OK, answer.text
            return json.loads(answer.content)


async def until(
    ask: Callable[[], Awaitable[Answer]], good: Callable[[Answer], bool], deadline_seconds: float = DEADLINE_SECONDS
) -> Answer:
    """Ask until the answer is good, or the deadline is over: then the last answer, for the test to judge."""
    deadline = time.monotonic() + deadline_seconds
    while not good(answer := await ask()) and time.monotonic() < deadline:
        await asyncio.sleep(POLL_SECONDS)
    return answer
