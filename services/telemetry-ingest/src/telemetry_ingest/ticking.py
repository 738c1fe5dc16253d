"""Time for partitions on which nothing comes: an export of no spans, on the record like every other message."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

from flyball.bus.retry import Backoff, retried
from telemetry_ingest.domain.otlp.traces import Home
from telemetry_ingest.otlp import TICK


class Appender(Protocol):
    async def append(self, topic: str, partition: int, body: bytes) -> None:
        """Return when the broker has acknowledged it; raise ``Transient`` if it did not."""
        ...


@dataclass(slots=True)
class Ticker:
    """Writes a tick where a trace is overdue. It decides nothing: traces are told by the append time of the tick."""

    publisher: Appender
    overdue: Callable[[int], Awaitable[Sequence[Home]]]
    """Partitions with a trace that was due before a time in milliseconds since 1970."""
    tick_seconds: float
    clock: Callable[[], float] = time.time
    backoff: Backoff = field(default_factory=Backoff)
    random: Random = field(default_factory=Random)

    async def run(self) -> None:
        """Tick until cancelled."""
        while True:
            await asyncio.sleep(self.tick_seconds)
            await retried("tick", self.tick, self.backoff, self.random)

    async def tick(self) -> None:
        # A clock that is ahead of the broker's makes ticks in vain, one that is behind tells traces a little later.
        for home in await self.overdue(round(self.clock() * 1_000)):
            await self.publisher.append(*home, TICK)
