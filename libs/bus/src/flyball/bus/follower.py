"""Keeps a Kafka consumer at the positions that the store holds. Kafka's own committed offsets are for charts."""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic

from flyball.bus.processor import Processor
from flyball.bus.records import Batch, Record
from flyball.bus.retry import retried
from flyball.store.ports import Tx

logger = logging.getLogger(__name__)
Seek = Callable[[str, int, int], None]
"""Move the consumer to (topic, partition, offset)."""
NOWHERE = -1


@dataclass(slots=True)
class Follower(Generic[Tx]):
    """Turns what one consumer fetches into batches that start where the store stands."""

    processor: Processor[Tx]
    seek: Seek
    _next_offset: dict[tuple[str, int], int] = field(default_factory=dict)

    def forget(self) -> None:
        """Partitions were assigned anew: whoever held them meanwhile has moved their positions."""
        self._next_offset.clear()

    async def settle(self, places: Collection[tuple[str, int]]) -> None:
        """Move the consumer to where the store stands in these partitions (topic, number).

        Kafka's committed offset may lie beyond: of a database that is new, or was restored from a backup. Where no
        new record comes, ``take`` would never be asked to notice.
        """
        for topic in sorted({topic for topic, _ in places}):
            stored = await self._stored(topic)
            for place in sorted(place for place in places if place[0] == topic):
                # Records that were fetched meanwhile have settled theirs, and may have moved on since.
                if place not in self._next_offset:
                    self._next_offset[place] = stored.get(place[1], 0)
                    self.seek(*place, self._next_offset[place])

    async def take(self, topic: str, fetched: Mapping[int, Sequence[Record]]) -> None:
        """Apply records by partition, each in offset order, in one transaction.

        Records before the stored position are dropped.
        """
        found = [await self._batch(topic, partition, records) for partition, records in sorted(fetched.items())]
        batches = [batch for batch in found if batch is not None]
        applied = await self.processor.apply(batches) if batches else set()
        for batch in batches:
            if batch.partition in applied:
                self._next_offset[topic, batch.partition] = batch.next_offset
            else:
                logger.info("position of %s[%d] moved past %d", topic, batch.partition, batch.from_offset)
                # The consumer stands behind this batch: what of it is not dealt with would wait for the next record.
                await self._settle(topic, batch.partition, NOWHERE)

    async def _batch(self, topic: str, partition: int, records: Sequence[Record]) -> Batch | None:
        """What of these records is still to be dealt with; None when it is nothing, or has to be fetched again."""
        expected = self._next_offset.get((topic, partition))
        if expected is None:
            expected = await self._settle(topic, partition, records[0].offset)
        if expected is None:
            return None
        fresh = [record for record in records if record.offset >= expected]
        return Batch(topic, partition, expected, fresh) if fresh else None

    async def _settle(self, topic: str, partition: int, fetched_offset: int) -> int | None:
        """Load the stored position. None when the consumer had to be moved there, and must fetch again."""
        stored = (await self._stored(topic)).get(partition, 0)
        self._next_offset[topic, partition] = stored
        if fetched_offset == stored:
            return stored
        # Kafka resumed at its own committed offset, or retention cut the start: fetch from where the store stands.
        self.seek(topic, partition, stored)
        return None

    async def _stored(self, topic: str) -> Mapping[int, int]:
        return await retried(
            f"positions of {topic}",
            lambda: self.processor.database.positions(self.processor.consumer, topic),
            self.processor.backoff,
            self.processor.random,
        )
