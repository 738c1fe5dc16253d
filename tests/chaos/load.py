"""Publishes the load in waves, so that there is a backlog at one moment and quiet at another."""

import asyncio
import time
from dataclasses import dataclass
from itertools import pairwise
from random import Random

from tests.chaos.broker import Publisher
from tests.chaos.events import Load
from tests.chaos.journal import Journal

CHUNK = 250
QUEUE_FULL_SECONDS = 0.1
WAVES = 25
# The end comes as one wave, so that the last faults hit services that are far behind.
LAST_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class Waves:
    """How many events, over how long."""

    events: int
    seconds: float

    def sizes(self, random: Random) -> list[int]:
        """Waves of very different sizes that add up to the number of events."""
        last = int(self.events * LAST_SHARE)
        cuts = sorted(random.randrange(self.events - last + 1) for _ in range(WAVES - 2))
        edges = [0, *cuts, self.events - last]
        return [after - before for before, after in pairwise(edges)] + [last]


async def publish(load: Load, publisher: Publisher, waves: Waves, journal: Journal) -> None:
    """Returns when every record is acknowledged by all in-sync replicas."""
    sizes = waves.sizes(load.random)
    started_at = time.monotonic()
    for number, size in enumerate(sizes):
        due = started_at + waves.seconds * number / (len(sizes) - 1)
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        journal.say(f"wave {number + 1} of {len(sizes)}: {size} events")
        await _wave(load, publisher, size)
    await publisher.flush()


async def _wave(load: Load, publisher: Publisher, size: int) -> None:
    for number in range(size):
        record = load.next(time.time())
        while not publisher.send(record):
            await asyncio.sleep(QUEUE_FULL_SECONDS)
        if number % CHUNK == CHUNK - 1:
            # The supervisor runs in the same loop.
            await asyncio.sleep(0)
