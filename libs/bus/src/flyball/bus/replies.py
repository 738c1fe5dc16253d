"""Answers to topics that others name: sent at once, outside of the outbox, and dropped where they cannot arrive."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, KafkaError

from flyball.bus.settings import KafkaSettings
from flyball.store.errors import Transient

SENDING_MAX = 1_000
SEND_SECONDS_MAX = 5.0
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer; without a partition the key chooses one."""

    topic: str
    partition: int | None
    key: bytes
    headers: tuple[tuple[str, bytes], ...]
    body: bytes
    deadline: datetime


@dataclass(slots=True)
class ReplySender:
    """Sends in the background. A topic that does not exist costs its own answers their time, and nobody else's."""

    producer: AIOKafkaProducer
    dropped: int = 0
    _sending: set["asyncio.Task[None]"] = field(default_factory=set)

    def send(self, replies: Sequence[Reply]) -> None:
        for reply in replies:
            if len(self._sending) >= SENDING_MAX:
                self.dropped += 1
                continue
            task = asyncio.create_task(self._send(reply))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def _send(self, reply: Reply) -> None:
        left = (reply.deadline - datetime.now(UTC)).total_seconds()
        try:
            async with asyncio.timeout(min(left, SEND_SECONDS_MAX)):
                sent = await self.producer.send(
                    reply.topic, reply.body, key=reply.key, partition=reply.partition, headers=list(reply.headers)
                )
                await sent
        except (KafkaError, TimeoutError, OSError, AssertionError) as error:
            # aiokafka asserts that a partition exists.
            self.dropped += 1
            logger.warning("answer on %s[%s] dropped: %r", reply.topic, reply.partition, error)

    async def close(self) -> None:
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)


@asynccontextmanager
async def open_reply_sender(settings: KafkaSettings, name: str) -> AsyncIterator[ReplySender]:
    """A connected sender, closed at the end. Raises ``Transient`` while no broker answers."""
    producer = AIOKafkaProducer(**settings.client(), client_id=f"flyball-{name}-replies", acks="all")
    try:
        await producer.start()
    except KafkaConnectionError as error:
        await producer.stop()
        raise Transient(f"no Kafka broker answers at {settings.kafka}: {error}") from error
    sender = ReplySender(producer)
    try:
        yield sender
    finally:
        await sender.close()
        await producer.stop()
