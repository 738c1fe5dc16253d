"""Exactly-once effects: state, outbox and position move in one transaction, or not at all."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random
from typing import Generic

from flyball.bus.records import Batch
from flyball.bus.retry import Backoff, retried
from flyball.observe.metrics import Metrics
from flyball.store.ports import Database, Tx

Handle = Callable[[Tx, Batch], Awaitable[None]]
"""What a service does with a batch, inside the transaction. It must have no effect outside of it."""


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

    async def apply(self, batch: Batch) -> bool:
        """Apply the batch once; False if its position had moved, and nothing was done.

        When the connection dies during the commit nobody knows whether it held. The retry finds out: the position
        has moved if it did, and the batch is dropped as the duplicate that it is.
        """
        topic = batch.topic
        with self.metrics.batch_seconds.labels(topic).time():
            applied = await retried(
                f"batch {topic}[{batch.partition}]@{batch.from_offset}",
                lambda: self._attempt(batch),
                self.backoff,
                self.random,
                self.metrics.retried.labels(topic).inc,
            )
        if applied:
            self.metrics.records.labels(topic).inc(len(batch.records))
            self.on_commit()
        else:
            self.metrics.fenced.labels(topic).inc()
        return applied

    async def _attempt(self, batch: Batch) -> bool:
        async with self.database.transaction() as transaction:
            mine = await transaction.advance(
                self.consumer, batch.topic, batch.partition, batch.from_offset, batch.next_offset
            )
            if mine:
                await self.handle(transaction, batch)
            return mine
