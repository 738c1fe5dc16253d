"""Classical mistakes, each a few lines away from the real code. The simulation must see them."""

from collections.abc import Iterator, Sequence
from typing import Any

from flyball.bus.processor import Processor
from flyball.bus.records import Batch
from flyball.sim.broker import Broker
from flyball.sim.publisher import MemoryPublisher
from flyball.sim.transaction import POSITIONS, MemoryTransaction
from flyball.store.ports import Move, Outgoing
from tests.sim.memory_joins import Shelves, Waiting


class CommitsBeforeEffect(Processor[Any]):
    """The position moves in a transaction of its own; who dies behind it loses the batch."""

    async def _attempt(self, batches: Sequence[Batch]) -> set[int]:
        async with self.database.transaction() as transaction:
            moved = await transaction.advance(self.consumer, batches[0].topic, [batch.move for batch in batches])
        if moved:
            async with self.database.transaction() as transaction:
                await self.handle(transaction, [batch for batch in batches if batch.partition in moved])
        return moved


class Unfenced(MemoryTransaction):
    """Moves a position whatever it was, so that a zombie's batch counts again."""

    async def advance(self, consumer: str, topic: str, moves: Sequence[Move]) -> set[int]:
        for move in moves:
            await self.put(POSITIONS, (consumer, topic, move.partition), move.next_offset)
        return {move.partition for move in moves}


class PublishesBeforeCommit(MemoryTransaction):
    """Sends its messages at once instead of leaving them in the outbox; a rolled back batch has spoken."""

    broker: Broker

    async def enqueue(self, messages: Sequence[Outgoing]) -> None:
        await MemoryPublisher(self.broker).publish(messages)


def publishing_to(broker: Broker) -> type[MemoryTransaction]:
    return type("PublishesToBroker", (PublishesBeforeCommit,), {"broker": broker})


class ForgetsTheClaimed(Shelves):
    """Tidies up judgements that have found their partner; asked again, each finds it once more by itself."""

    def _claim(self, identity: bytes, new: Waiting) -> Iterator[tuple[bytes, bool]]:
        claimed = list(super()._claim(identity, new))
        del self.early[identity]
        return iter(claimed)
