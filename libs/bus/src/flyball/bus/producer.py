"""Publishing: idempotent, acknowledged by all replicas, in order per key."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, KafkaError, MessageSizeTooLargeError

from flyball.bus.settings import KafkaSettings
from flyball.store.errors import Transient
from flyball.store.ports import Outgoing

REQUEST_BYTES_MAX = 16 * 1_048_576
"""As the largest ``record_bytes_max`` of the topic table, so that the topic's own limit decides."""


class KafkaPublisher:
    """Sends messages and waits for all acknowledgements at once, so that a batch costs about one round trip."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        """Raises ``Transient`` unless the broker has acknowledged every message."""
        try:
            pending = [
                await self._producer.send(m.topic, m.body, key=m.key or None, headers=list(m.headers)) for m in messages
            ]
            await asyncio.gather(*pending)
        except MessageSizeTooLargeError:
            raise
        except (KafkaError, TimeoutError, OSError) as error:
            raise Transient(f"Kafka: {type(error).__name__}: {error}") from error

    async def append(self, topic: str, partition: int, body: bytes) -> None:
        """Put one record without a key onto one partition. Raises ``Transient`` unless the broker acknowledged it."""
        try:
            await self._producer.send_and_wait(topic, body, partition=partition)
        except (KafkaError, TimeoutError, OSError) as error:
            raise Transient(f"Kafka: {type(error).__name__}: {error}") from error


@asynccontextmanager
async def open_publisher(settings: KafkaSettings, name: str) -> AsyncIterator[KafkaPublisher]:
    """A connected publisher, closed at the end. Raises ``Transient`` while no broker answers."""
    producer = AIOKafkaProducer(
        **settings.client(),
        client_id=f"flyball-{name}",
        acks="all",
        enable_idempotence=True,
        linger_ms=5,
        max_request_size=REQUEST_BYTES_MAX,
    )
    try:
        await producer.start()
    except KafkaConnectionError as error:
        await producer.stop()
        raise Transient(
            f"no Kafka broker at {settings.kafka} answers, or none takes our credentials or certificate: {error}"
        ) from error
    try:
        yield KafkaPublisher(producer)
    finally:
        await producer.stop()
