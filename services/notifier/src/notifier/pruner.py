"""Forgets what is older than people want to keep, a little at a time."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from flyball.bus.retry import Backoff, retried
from notifier.ticker import utc_now

PAUSE_SECONDS = 3_600.0
BETWEEN_SECONDS = 1.0
Prune = Callable[[datetime], Awaitable[int]]
"""Forget some of what was over before a moment; how much that was."""


@dataclass(slots=True)
class Pruner:
    prune: Prune
    kept: timedelta
    clock: Callable[[], datetime] = utc_now
    backoff: Backoff = field(default_factory=Backoff)
    random: Random = field(default_factory=Random)

    async def run(self) -> None:
        """Prune until cancelled: while there is something, soon again."""
        while True:
            forgotten = await retried("prune", self.once, self.backoff, self.random)
            await asyncio.sleep(BETWEEN_SECONDS if forgotten else PAUSE_SECONDS)

    async def once(self) -> int:
        return await self.prune(self.clock() - self.kept)
