"""Control topics under FastStream: its broker, its subscribers, its start and stop; acknowledged by hand."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Generic

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError
from faststream.kafka import KafkaBroker, KafkaMessage
from faststream.kafka.message import FAKE_CONSUMER
from faststream.kafka.subscriber.usecase import BatchSubscriber
from faststream.middlewares import AckPolicy

from flyball.bus.errors import Transient
from flyball.bus.follower import Follower
from flyball.bus.hot import (
    COMMIT_SECONDS,
    OnAssignment,
    commit_for_charts,
    group_of,
    note_lag,
    note_progress,
    records_of,
)
from flyball.bus.precedence import Precedence
from flyball.bus.processor import Processor
from flyball.bus.retry import retried
from flyball.bus.settings import KafkaSettings
from flyball.bus.subscription import Subscription
from flyball.observe.health import Progress
from flyball.store.ports import Tx

logger = logging.getLogger(__name__)


async def untouched(records: tuple[ConsumerRecord, ...]) -> KafkaMessage:
    """Replaces FastStream's parser, which decodes every header as UTF-8 and so dies of one that is not."""
    return KafkaMessage(body=b"", raw_message=records, consumer=FAKE_CONSUMER)


async def undecoded(message: KafkaMessage) -> Any:
    """Replaces FastStream's decoder: one bad record would fail the whole typed batch."""
    return message.raw_message


class ControlConsumer(Generic[Tx]):
    """One subscription on a FastStream broker."""

    def __init__(
        self,
        broker: KafkaBroker,
        settings: KafkaSettings,
        subscription: Subscription[Tx],
        processor: Processor[Tx],
        progress: Progress,
        on_failure: Callable[[BaseException], None],
        precedence: Precedence,
    ) -> None:
        self.topic = subscription.topic
        self._precedence = precedence
        self._processor = processor
        self._transactions = subscription.transactions
        self._together = subscription.together
        self._progress = progress
        self._on_failure = on_failure
        self._failed = False
        self._busy = False
        self._to_chart = False
        self._metrics = processor.metrics
        self._follower = Follower(processor, self._seek)
        self._subscriber: BatchSubscriber = broker.subscriber(
            subscription.topic.name,
            batch=True,
            group_id=settings.kafka_group_prefix + group_of(processor.consumer, subscription.topic.name),
            auto_offset_reset="earliest",
            ack_policy=AckPolicy.MANUAL,
            max_records=subscription.records_max,
            batch_timeout_ms=subscription.wait_ms,
            fetch_max_wait_ms=subscription.broker_wait_ms,
            fetch_min_bytes=subscription.bytes_min,
            session_timeout_ms=settings.kafka_session_timeout_ms,
            heartbeat_interval_ms=settings.kafka_session_timeout_ms // 3,
            listener=OnAssignment(self._follower),
            parser=untouched,
            decoder=undecoded,
        )
        self._subscriber(self._deliver)

    def note_progress(self) -> None:
        """FastStream polls by itself, so this is called from outside. A batch in hand is no progress until it ends."""
        consumer = self._subscriber.consumer
        if consumer is not None and not self._busy:
            note_progress(consumer, self._progress)

    async def caught_up(self) -> bool:
        """Has every record that the topic holds now had its effect, by whichever replica? ``Transient`` if unknown."""
        consumer = self._subscriber.consumer
        # FastStream shows the consumer while it still connects; asked then, it fails.
        if consumer is None or not self._subscriber.running:
            return False
        name = self.topic.name
        places = [TopicPartition(name, partition) for partition in consumer.partitions_for_topic(name) or ()]
        try:
            starts, ends = await asyncio.gather(consumer.beginning_offsets(places), consumer.end_offsets(places))
        except KafkaError as error:
            raise Transient(f"Kafka: {type(error).__name__}: {error}") from error
        stored = await self._processor.database.positions(self._processor.consumer, name)
        # A partition that retention has emptied has an end, but nothing before it that anybody could read.
        return bool(places) and all(stored.get(p.partition, starts[p]) >= ends[p] for p in places)

    async def chart(self) -> None:
        """Tell Kafka about once a second how far we are, until cancelled. Batches do not wait for it."""
        while True:
            await asyncio.sleep(COMMIT_SECONDS)
            consumer = self._subscriber.consumer
            if consumer is not None and self._to_chart:
                self._to_chart = False
                await commit_for_charts(consumer)

    async def _deliver(self, message: KafkaMessage) -> None:
        """FastStream would log what a handler raises and go on with the next batch; here it ends the service."""
        if self._failed:
            return
        self._busy = True
        held = self._pause()
        try:
            await self._take(message.raw_message)
        except Exception as error:  # noqa: BLE001 - handed on, not swallowed
            self._failed = True
            self._on_failure(error)
        finally:
            self._resume(held)
            self._busy = False

    def _pause(self) -> set[TopicPartition]:
        """Fetch nothing beside a batch: that would bring the first few records behind it, and the rest a batch later.

        What is fetched after it is all that has come meanwhile.
        """
        consumer = self._subscriber.consumer
        if consumer is None or not self._together:
            return set()
        held = set(consumer.assignment())
        consumer.pause(*held)
        return held

    def _resume(self, held: set[TopicPartition]) -> None:
        """Partitions that were assigned meanwhile, anew or again, are not paused."""
        consumer = self._subscriber.consumer
        if consumer is not None and held:
            consumer.resume(*(held & consumer.paused()))

    async def _take(self, raw: Any) -> None:
        fetched: dict[int, list[ConsumerRecord]] = {}
        for record in raw:
            fetched.setdefault(record.partition, []).append(record)
        await retried(
            "reading what comes first", self._precedence.wait, self._processor.backoff, self._processor.random
        )
        by_partition = {partition: records_of(records) for partition, records in fetched.items()}
        for taken in self._transactions(by_partition):
            await self._follower.take(self.topic.name, taken)
        if (consumer := self._subscriber.consumer) is not None:
            for partition, records in by_partition.items():
                place = TopicPartition(self.topic.name, partition)
                note_lag(consumer, self._metrics, place, records[-1].offset)
        self._to_chart = True

    def _seek(self, topic: str, partition: int, offset: int) -> None:
        consumer = self._subscriber.consumer
        place = TopicPartition(topic, partition)
        if consumer is not None and place in consumer.assignment():
            consumer.seek(place, offset)
