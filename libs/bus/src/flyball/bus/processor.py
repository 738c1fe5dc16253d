"""Exactly-once effects: state, outbox and position move in one transaction, or not at all."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Generic

from flyball.bus.records import Batch
from flyball.bus.retry import Backoff, retried
from flyball.observe.metrics import Metrics
from flyball.store.ports import Database, Tx

Handle = Callable[[Tx, Sequence[Batch]], Awaitable[None]]
"""What a service does with batches of one topic, one for each partition, inside the transaction.

It must have no effect outside of it.
"""


def one_by_one(handle: Callable[[Tx, Batch], Awaitable[None]]) -> Handle[Tx]:
    """For a service that deals with the batch of one partition after the other."""

    async def handle_all(transaction: Tx, batches: Sequence[Batch]) -> None:
        for batch in batches:
            await handle(transaction, batch)

    return handle_all


@dataclass(slots=True)
class Processor(Generic[Tx]):
    """Applies batches of one topic for one consumer."""

    consumer: str
    database: Database[Tx]
    handle: Handle[Tx]
    metrics: Metrics
    on_commit: Callable[[], None]
    backoff: Backoff = field(default_factory=Backoff)
    random: Random = field(default_factory=Random)

    async def apply(self, batches: Sequence[Batch]) -> set[int]:
        """Apply batches of one topic once; returns the partitions whose position had not moved. The rest is dropped.

        When the connection dies during the commit nobody knows whether it held. The retry finds out: the positions
        have moved if it did, and the batches are dropped as the duplicates that they are.
        """
        topic = batches[0].topic
        with self.metrics.batch_seconds.labels(topic).time():
            applied = await retried(
                f"batch {topic} {', '.join(f'[{batch.partition}]@{batch.from_offset}' for batch in batches)}",
                lambda: self._attempt(batches),
                self.backoff,
                self.random,
                self.metrics.retried.labels(topic).inc,
            )
        if applied:
            self.on_commit()
        records = sum(len(batch.records) for batch in batches if batch.partition in applied)
        self.metrics.records.labels(topic).inc(records)
        self.metrics.fenced.labels(topic).inc(len(batches) - len(applied))
        return applied

    async def _attempt(self, batches: Sequence[Batch]) -> set[int]:
        async with self.database.transaction() as transaction:
            moved = await transaction.advance(self.consumer, batches[0].topic, [batch.move for batch in batches])
            if moved:
                await self.handle(transaction, [batch for batch in batches if batch.partition in moved])
            return moved
