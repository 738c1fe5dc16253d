"""Bounded retry with jittered exponential back-off, for transient errors alone."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random
from typing import TypeVar

from flyball.store.errors import Transient

Result = TypeVar("Result")
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Backoff:
    """Full jitter: before attempt n the pause is uniform in [0, min(cap, base x 2^n)] seconds.

    Source: M. Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015. The default waits 45 s in the
    mean and 90 s at most, so that a broker or database restart (seconds) passes while a poll interval (300 s) does not.
    """

    base_seconds: float = 0.1
    cap_seconds: float = 10.0
    attempts_max: int = 15

    def pause_seconds(self, attempt: int, random: Random) -> float:
        return random.uniform(0, min(self.cap_seconds, self.base_seconds * 2**attempt))


async def retried(
    what: str,
    action: Callable[[], Awaitable[Result]],
    backoff: Backoff,
    random: Random,
    on_retry: Callable[[], None] = lambda: None,
) -> Result:
    """Run ``action`` until it succeeds. Raises the last ``Transient`` when the attempts are used up."""
    for attempt in range(backoff.attempts_max):
        try:
            return await action()
        except Transient as error:
            logger.warning("%s failed, attempt %d of %d: %s", what, attempt + 1, backoff.attempts_max, error)
            on_retry()
            await asyncio.sleep(backoff.pause_seconds(attempt, random))
    return await action()
