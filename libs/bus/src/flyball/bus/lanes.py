"""Batches of different partitions side by side, those of one partition one after the other.

While one batch waits for its stores, the next one is decoded. Each has a transaction of its own, and its fence.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flyball.bus.records import Record

Take = Callable[[int, Sequence[Record]], Coroutine[Any, Any, None]]
"""Deals with records of one partition."""


@dataclass(slots=True)
class Lanes:
    """Of one consumer of one topic; ``at_once`` batches at most are in hand."""

    take: Take
    at_once: int
    _in_hand: dict[int, "asyncio.Task[None]"] = field(default_factory=dict)
    _moves: Counter[int] = field(default_factory=Counter)

    def moved(self, partition: int) -> None:
        """The consumer was moved to another place: what was fetched of this partition before must not be taken."""
        self._moves[partition] += 1

    def stand(self, partitions: Sequence[int]) -> Mapping[int, int]:
        """Where the consumer stands, to be given with the records that it has just fetched from there."""
        return {partition: self._moves[partition] for partition in partitions}

    async def put(self, partition: int, records: Sequence[Record], stand: Mapping[int, int]) -> None:
        """Begin to deal with records as soon as there is room. Raises what an earlier batch raised."""
        while partition in self._in_hand or len(self._in_hand) >= self.at_once:
            await self._one_ended()
        # Whoever moved the consumer will have it fetch them again, and before these there may be others by now.
        if self._moves[partition] == stand[partition]:
            self._in_hand[partition] = asyncio.create_task(self.take(partition, records))

    async def end(self) -> None:
        """Return when every batch in hand has ended, or raise what the first of them raised."""
        while self._in_hand:
            await self._one_ended()

    def abandon(self) -> None:
        """Cancel what is in hand. Its transactions roll back."""
        for task in self._in_hand.values():
            task.cancel()

    async def _one_ended(self) -> None:
        await asyncio.wait(self._in_hand.values(), return_when=asyncio.FIRST_COMPLETED)
        ended = [partition for partition, task in self._in_hand.items() if task.done()]
        for task in [self._in_hand.pop(partition) for partition in ended]:
            task.result()
