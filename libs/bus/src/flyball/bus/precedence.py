"""Holds records back until what they are judged by has been read. Kafka keeps no order between topics."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from flyball.bus.errors import Transient

LOOK_AGAIN_SECONDS = 5.0
WAIT_SECONDS_MAX = 60.0
POLL_SECONDS = 0.2


@dataclass(slots=True)
class Precedence:
    """Lets a batch through when the other topics have been read as far as they went a few seconds ago.

    What those topics announce must hold from a moment further ahead than ``LOOK_AGAIN_SECONDS`` (the console gives
    30 s notice): whatever a look cannot see yet is then about later records. So a reader that is new, restored or slow
    judges each record by the same announcements as any other.
    """

    caught_up: Sequence[Callable[[], Awaitable[bool]]]
    """One for each topic: has every record that it holds now had its effect? May raise ``Transient``."""
    _looked_at: float | None = None

    async def wait(self) -> None:
        """Return when the batch in hand may be judged. Raises ``Transient`` when the others do not catch up."""
        if self._looked_at is None or asyncio.get_running_loop().time() - self._looked_at >= LOOK_AGAIN_SECONDS:
            await self._look()

    async def watch(self) -> None:
        """Look ahead of time, until cancelled, so that hardly any batch waits for a look.

        It takes up to half a second: the broker answers a connection in order, and holds what it is asked for last
        until there are records. Decisions once waited that long every five seconds.
        """
        while True:
            # Whoever has a batch that waits will fail with it.
            with suppress(Transient):
                await self._look()
            await asyncio.sleep(LOOK_AGAIN_SECONDS / 2)

    async def _look(self) -> None:
        clock = asyncio.get_running_loop().time
        looked_at = clock()
        for caught_up in self.caught_up:
            while not await caught_up():
                if clock() - looked_at > WAIT_SECONDS_MAX:
                    raise Transient(f"a topic that comes first is not read to its end after {WAIT_SECONDS_MAX:.0f} s")
                await asyncio.sleep(POLL_SECONDS)
        self._looked_at = looked_at
