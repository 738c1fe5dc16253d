"""Publishes the outbox, in order, at least once; readers drop an id they have seen."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Generic, Protocol

from flyball.bus.retry import Backoff, retried
from flyball.observe.metrics import Metrics
from flyball.store.errors import Transient
from flyball.store.ports import Database, Outgoing, Tx

logger = logging.getLogger(__name__)
SEEN_DAYS = 7
HOUSEKEEPING_SECONDS = 3600.0
HELD_SECONDS_MAX = 4.0
"""Postgres gives the rows of a transaction that idles for five seconds or more to somebody else."""


class Publisher(Protocol):
    async def publish(self, messages: Sequence[Outgoing]) -> None:
        """Return when the broker has acknowledged every message; raise ``Transient`` if it did not."""
        ...


@dataclass(slots=True)
class Relay(Generic[Tx]):
    """One of the replicas' relays works at a time: the one whose transaction holds the outbox.

    The rows are deleted in the transaction that claimed them, after the broker's acknowledgement. A relay that dies in
    between publishes them again; one that hangs loses its transaction to ``idle_in_transaction_session_timeout``.
    """

    database: Database[Tx]
    publisher: Publisher
    metrics: Metrics
    rows_max: int = 500
    idle_seconds: float = 0.5
    pace_seconds: float = 0.02
    """Rounds begin so far apart at least, unless a full one shows that more rows wait: at load each takes more rows."""
    backoff: Backoff = field(default_factory=Backoff)
    random: Random = field(default_factory=Random)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        """There may be rows to publish."""
        self._wake.set()

    async def run(self) -> None:
        """Publish until cancelled."""
        loop = asyncio.get_running_loop()
        housekeeping_at = loop.time()
        while True:
            began = loop.time()
            self._wake.clear()
            published = await retried("outbox relay", self.publish_once, self.backoff, self.random)
            if loop.time() >= housekeeping_at:
                await retried("forgetting seen ids", self._forget_seen, self.backoff, self.random)
                housekeeping_at = loop.time() + HOUSEKEEPING_SECONDS
            if published < self.rows_max:
                await self._rest()
                await asyncio.sleep(began + self.pace_seconds - loop.time())

    async def publish_once(self) -> int:
        """Publish the oldest rows and return how many there were."""
        clock = asyncio.get_running_loop().time
        async with self.database.transaction() as transaction:
            asked_at = clock()
            rows = await transaction.claim_outbox(self.rows_max)
            if not rows:
                return 0
            if clock() - asked_at > HELD_SECONDS_MAX:
                # Frozen in between: another relay may have gone on, and these rows would come after newer ones.
                raise Transient(
                    f"the outbox was claimed {clock() - asked_at:.0f} s ago, which is too long to publish it"
                )
            await self.publisher.publish([row.message for row in rows])
            await transaction.forget_outbox(rows)
        for row in rows:
            self.metrics.outbox_published.labels(row.message.topic).inc()
        return len(rows)

    async def _forget_seen(self) -> None:
        await self.database.forget_seen(SEEN_DAYS)

    async def _rest(self) -> None:
        """Wait for a commit of this process; look for rows of a dead replica twice a second anyway."""
        try:
            await asyncio.wait_for(self._wake.wait(), self.idle_seconds)
        except TimeoutError:
            self.metrics.outbox_age_seconds.set(await self._age())

    async def _age(self) -> float:
        return await retried("outbox age", self.database.outbox_age_seconds, self.backoff, self.random)
