"""Sends intents, outside of every transaction: claim, send, and put the answer on the record as an input."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from random import Random
from typing import Generic

from flyball.bus.retry import Backoff, retried
from flyball.store.ports import Database, Tx
from notifier.domain.inputs import Answered, Overflowed
from notifier.domain.notice import Notice
from notifier.domain.overflow import TOGETHER_MIN
from notifier.ports import Channel, Claimed, Intents, Sent
from notifier.service import Notifier
from notifier.ticker import utc_now

logger = logging.getLogger(__name__)
AT_ONCE_MAX = 8
FOLLOW_UPS = frozenset({"acknowledge", "resolve"})
"""What says nothing to somebody who never heard of the beginning."""
Addresses = Mapping[tuple[str, str], str]
"""By channel and target."""


@dataclass(slots=True)
class Deliverer(Generic[Tx]):
    """A crash before the claim loses nothing; one after it sends again when the lease is over, with the same key."""

    notifier: Notifier[Tx]
    database: Database[Tx]
    intents: Callable[[Tx], Intents]
    channels: Mapping[str, Channel]
    addresses: Addresses
    caught_up: Callable[[], bool]
    seconds: float
    clock: Callable[[], datetime] = utc_now
    backoff: Backoff = field(default_factory=Backoff)
    random: Random = field(default_factory=Random)

    async def run(self) -> None:
        """Deliver until cancelled; what is on its way then is sent again after its lease."""
        async with asyncio.TaskGroup() as group:
            busy: set[asyncio.Task[None]] = set()
            while True:
                await retried("digest", self.digest, self.backoff, self.random)
                room = partial(self.claim, AT_ONCE_MAX - len(busy))
                for claimed, notice in await retried("claim", room, self.backoff, self.random):
                    busy.add(group.create_task(self.deliver(claimed, notice)))
                if busy:
                    _, busy = await asyncio.wait(busy, timeout=self.seconds, return_when=asyncio.FIRST_COMPLETED)
                else:
                    await asyncio.sleep(self.seconds)

    async def claim(self, rows_max: int) -> Sequence[tuple[Claimed, Notice]]:
        """Intents to send now, held against every other sender for the time of a lease."""
        if rows_max <= 0:
            return []
        async with self.database.transaction() as transaction:
            intents = self.intents(transaction)
            found = await intents.claim(self.clock(), rows_max, old_too=self.caught_up())
            return [(claimed, await intents.notice(claimed)) for claimed in found]

    async def digest(self) -> None:
        """Put together what a contact cannot take one by one."""
        async with self.database.transaction() as transaction:
            now = self.clock()
            together = await self.intents(transaction).overflow(now)
            for tenant in sorted(together):
                given = [Overflowed(tuple(keys), now) for keys in together[tenant] if len(keys) >= TOGETHER_MIN]
                if given:
                    await self.notifier.decide(transaction, tenant, given)

    async def deliver(self, claimed: Claimed, notice: Notice) -> None:
        sent = await self._send(claimed, notice)
        answered = Answered(
            claimed.delivery.key,
            sent.answer,
            sent.detail,
            self.random.random(),
            self.clock(),
            sent.retry_after_seconds,
        )
        await retried("receipt", lambda: self._receipt(claimed, answered), self.backoff, self.random)

    async def _send(self, claimed: Claimed, notice: Notice) -> Sent:
        key = claimed.delivery.key
        if key.action in FOLLOW_UPS and not claimed.trigger_claims:
            return Sent("not_needed", "its trigger was never sent")
        address = self.addresses.get((key.channel, key.target))
        if address is None:
            return Sent("refused", f"there is no address for {key.channel}/{key.target} any more")
        sent = await self.channels[key.channel].send(notice, address)
        logger.info("%s to %s/%s: %s", key.action, key.channel, key.target, sent.answer)
        return sent

    async def _receipt(self, claimed: Claimed, answered: Answered) -> None:
        async with self.database.transaction() as transaction:
            await self.notifier.decide(transaction, claimed.tenant, [answered])
            await self.intents(transaction).release(claimed)
