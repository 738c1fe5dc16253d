"""A producer: in order for each partition, acknowledged or not, and never sure of what it was not told."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from flyball.sim.broker import Broker, Place
from flyball.sim.process import Life, current_life
from flyball.store.errors import Transient
from flyball.store.ports import Outgoing


@dataclass(slots=True)
class Attempt:
    """One call of ``publish``."""

    life: Life | None
    failed: bool


class MemoryPublisher:
    """One connection of one process, as ``flyball.bus.producer.KafkaPublisher`` is. Make a new one after each start."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._append_at: dict[Place, float] = {}
        self._cut = False

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        """Return when every message is written. ``Transient``: all, some or none are, or will be in a moment."""
        world = self._broker.world
        if world.loop.open:
            raise asyncio.CancelledError("the run is over")
        world.operations += 1
        life = current_life()
        mishap = self._broker.strike(life, world.faults.delay_seconds_max)
        attempt = Attempt(life, failed=mishap in ("refused", "lost"))
        written_at = world.loop.time()
        for place, batch in self._by_place(messages).items():
            # A refused request may have written the beginning of each partition's share.
            count = world.random.randint(0, len(batch)) if mishap == "refused" else len(batch)
            at = max(world.loop.time() + self._broker.travel_seconds(), self._append_at.get(place, 0.0))
            self._append_at[place] = at
            written_at = max(written_at, at)
            world.outside_at(at, self._append, attempt, place, batch[:count])
        await self._answer(attempt, written_at - world.loop.time())

    async def _answer(self, attempt: Attempt, written_in_seconds: float) -> None:
        if attempt.failed:
            # A client may give up before the broker has written what it was sent.
            await asyncio.sleep(self._broker.world.random.uniform(0, 2 * written_in_seconds))
        else:
            await asyncio.sleep(written_in_seconds + self._broker.travel_seconds())
        if attempt.failed:
            raise Transient(f"no acknowledgement from {self._broker.name}")

    def _append(self, attempt: Attempt, place: Place, batch: Sequence[Outgoing]) -> None:
        # What a dead process had not sent stays unsent, and so does everything behind it.
        self._cut = self._cut or self._broker.never_sent(attempt.life)
        if self._broker.away:
            attempt.failed = True
        elif not self._cut:
            self._broker.append(place, batch)

    def _by_place(self, messages: Sequence[Outgoing]) -> dict[Place, list[Outgoing]]:
        by_place: dict[Place, list[Outgoing]] = {}
        for message in messages:
            by_place.setdefault(self._broker.place_of(message), []).append(message)
        return by_place
