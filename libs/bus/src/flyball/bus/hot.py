"""The hot path: aiokafka without anything on top, for topics with raw events."""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from typing import Any, Generic

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError

from flyball.bus.follower import Follower
from flyball.bus.header_names import as_records
from flyball.bus.lanes import Lanes
from flyball.bus.precedence import Precedence
from flyball.bus.processor import Processor
from flyball.bus.records import Record
from flyball.bus.retry import retried
from flyball.bus.settings import KafkaSettings
from flyball.bus.subscription import Subscription
from flyball.observe.health import Progress
from flyball.observe.metrics import Metrics
from flyball.store.ports import Tx

logger = logging.getLogger(__name__)
COMMIT_SECONDS = 1.0
FETCH_BYTES_MAX = 8 * 1_048_576
PARTITION_BYTES_MAX = 2 * 1_048_576
"""What is fetched stays in memory, as it came and as records. Four times as much was no faster, and took 40 MB more."""


def group_of(consumer: str, topic: str) -> str:
    """The Kafka group of one subscription. Each has its own, so that none rebalances because of another."""
    return f"{consumer}.{topic}"


def records_of(fetched: Iterable[Any]) -> Sequence[Record]:
    """Aiokafka's records as ours."""
    return [Record(r.topic, r.partition, r.offset, r.timestamp, r.key, r.value, r.headers) for r in fetched]


class OnAssignment(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka has no types
    """Moves the follower to its positions, looked up again. Nothing waits for batches in hand: the fence decides."""

    def __init__(self, follower: Follower[Any]) -> None:
        self._follower = follower

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        del revoked

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        places = sorted((tp.topic, tp.partition) for tp in assigned)
        logger.info("holding %s", places)
        self._follower.forget()
        await self._follower.settle(places)


class HotConsumer(Generic[Tx]):
    """Reads one topic until told to stop; the batches in hand are finished first."""

    def __init__(
        self,
        settings: KafkaSettings,
        subscription: Subscription[Tx],
        processor: Processor[Tx],
        progress: Progress,
        precedence: Precedence,
    ) -> None:
        self._subscription = subscription
        self._processor = processor
        self._progress = progress
        self._precedence = precedence
        self._stopping = False
        self._consumer = AIOKafkaConsumer(
            **settings.client(),
            group_id=settings.kafka_group_prefix + group_of(processor.consumer, subscription.topic.name),
            client_id=f"flyball-{processor.consumer}",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            session_timeout_ms=settings.kafka_session_timeout_ms,
            heartbeat_interval_ms=settings.kafka_session_timeout_ms // 3,
            fetch_max_bytes=FETCH_BYTES_MAX,
            max_partition_fetch_bytes=PARTITION_BYTES_MAX,
            fetch_max_wait_ms=subscription.broker_wait_ms,
            key_deserializer=as_records,
        )
        self._follower = Follower(processor, self._seek)
        self._lanes = Lanes(self._take, subscription.lanes)

    def stop(self) -> None:
        self._stopping = True

    async def run(self) -> None:
        consumer = self._consumer
        consumer.subscribe([self._subscription.topic.name], listener=OnAssignment(self._follower))
        await consumer.start()
        try:
            loop = asyncio.get_running_loop()
            commit_at = loop.time() + COMMIT_SECONDS
            while not self._stopping:
                await self._fetch_and_take()
                if loop.time() >= commit_at:
                    await commit_for_charts(consumer)
                    commit_at = loop.time() + COMMIT_SECONDS
            await self._lanes.end()
        finally:
            self._lanes.abandon()
            await consumer.stop()

    async def _fetch_and_take(self) -> None:
        fetched = await self._consumer.getmany(
            timeout_ms=self._subscription.wait_ms, max_records=self._subscription.records_max
        )
        stand = self._lanes.stand([place.partition for place in fetched])
        note_progress(self._consumer, self._progress)
        if fetched:
            wait, processor = self._precedence.wait, self._processor
            await retried("reading what comes first", wait, processor.backoff, processor.random)
        for place, records in fetched.items():
            await self._lanes.put(place.partition, records, stand)

    async def _take(self, partition: int, records: Sequence[Record]) -> None:
        topic = self._subscription.topic.name
        await self._follower.take(topic, {partition: records})
        note_lag(self._consumer, self._processor.metrics, TopicPartition(topic, partition), records[-1].offset)

    def _seek(self, topic: str, partition: int, offset: int) -> None:
        self._lanes.moved(partition)
        place = TopicPartition(topic, partition)
        if place in self._consumer.assignment():
            self._consumer.seek(place, offset)


def note_progress(consumer: AIOKafkaConsumer, progress: Progress) -> None:
    """Tell what the consumer holds, and when a broker last answered it."""
    held = consumer.assignment()
    answers = [consumer.last_poll_timestamp(place) for place in held]
    progress.saw(assigned=bool(held), answer_ms=max((answer for answer in answers if answer), default=None))


def note_lag(consumer: AIOKafkaConsumer, metrics: Metrics, place: TopicPartition, offset: int) -> None:
    """Tell how many records lie behind ``offset``. Nothing is known of a partition that was taken away meanwhile."""
    end = consumer.highwater(place) if place in consumer.assignment() else None
    if end is not None:
        metrics.lag.labels(place.topic, place.partition).set(end - offset - 1)


async def commit_for_charts(consumer: Any) -> None:
    """Tell Kafka how far we are, so that lag charts and scalers see it. Nothing depends on it, so errors only log."""
    try:
        await consumer.commit()
    except KafkaError as error:
        logger.info("offset commit skipped: %s", error)
