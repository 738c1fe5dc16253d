"""FastStream's broker, joining all of its groups at once."""

import asyncio

from faststream.kafka import KafkaBroker


class JoiningBroker(KafkaBroker):
    """FastStream starts one subscriber after the other, and each waits until its group is joined.

    Kafka lets a new group wait three seconds for more members (``group.initial.rebalance.delay.ms``), so a service
    with five topics was ready after fifteen.
    """

    async def start(self) -> None:
        await self.connect()
        await asyncio.gather(*(subscriber.start() for subscriber in self.subscribers))
        self.running = True
