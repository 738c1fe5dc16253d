"""librdkafka's mock cluster: the real Kafka protocol from a wheel, in this process, with nothing on disk.

For a demo and for wire tests, never for delivery tests: it keeps the last 5 MiB of each partition, serves one member
per group, and forgets all when it ends. It has no admin API; a topic comes into being with four partitions (a number
fixed in librdkafka, no setting reaches it) when a client first asks for its metadata.
"""

import asyncio
import logging
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from confluent_kafka import KafkaException, Producer

from flyball.stack.errors import StackError

PARTITIONS = 4
ANSWER_SECONDS = 10.0

# librdkafka writes each refused connection to stderr; while a broker starts that is noise.
silent_logger = logging.getLogger("flyball.stack.librdkafka")
silent_logger.addHandler(logging.NullHandler())
silent_logger.propagate = False


class MockBroker:
    """One broker on a loopback port that librdkafka chooses."""

    def __init__(self) -> None:
        self._owner: Producer | None = None
        self.bootstrap = ""

    async def start(self) -> None:
        """Start it; StackError if librdkafka gives no address."""
        self._owner = Producer(
            # The address is never dialled: the mock replaces it with its own.
            {"bootstrap.servers": "127.0.0.1:1", "test.mock.num.brokers": 1, "log_level": 0},
            logger=silent_logger,
        )
        try:
            metadata = await asyncio.to_thread(self._owner.list_topics, timeout=ANSWER_SECONDS)
        except KafkaException as error:
            raise StackError(f"librdkafka's mock broker gives no answer ({error}): try `flyball doctor`") from error
        broker = next(iter(metadata.brokers.values()))
        self.bootstrap = f"{broker.host}:{broker.port}"

    async def create_topics(self, names: Iterable[str]) -> None:
        """Make each topic exist (four partitions), by asking for its metadata."""
        if self._owner is None:
            raise StackError("the mock broker was not started: call start() first")
        for name in names:
            await asyncio.to_thread(self._owner.list_topics, name, timeout=ANSWER_SECONDS)

    async def stop(self) -> None:
        """End it; its topics are gone."""
        self._owner = None
        self.bootstrap = ""

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
