"""The clock of the decisions: when something is due, the moment is put on the record as an input like any other."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Generic

from flyball.bus.retry import Backoff, retried
from flyball.store.ports import Database, Tx
from notifier.domain.inputs import ReminderDue, Tick
from notifier.service import Notifier

TENANTS_MAX = 100
REMINDERS_MAX = 100
Due = Callable[[datetime, int], Awaitable[Sequence[str]]]
"""Tenants for whom something is due by a moment, so many at most."""
Reminders = Callable[[datetime, int], Awaitable[Sequence[tuple[str, str]]]]
"""Tenant and incident of those of which people are to be reminded by a moment, so many at most."""


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class Ticker(Generic[Tx]):
    """Ticks only what is due, so that a quiet day leaves no trace; and nothing before what waits in Kafka is read."""

    notifier: Notifier[Tx]
    database: Database[Tx]
    due: Due
    reminders: Reminders
    caught_up: Callable[[], bool]
    seconds: float
    clock: Callable[[], datetime] = utc_now
    backoff: Backoff = field(default_factory=Backoff)
    random: Random = field(default_factory=Random)

    async def run(self) -> None:
        """Tick until cancelled."""
        while True:
            if self.caught_up():
                await retried("tick", self.tick, self.backoff, self.random)
            await asyncio.sleep(self.seconds)

    async def tick(self) -> None:
        now = self.clock()
        for tenant in await self.due(now, TENANTS_MAX):
            async with self.database.transaction() as transaction:
                await self.notifier.decide(transaction, tenant, [Tick(now)])
        for tenant, incident in await self.reminders(now, REMINDERS_MAX):
            async with self.database.transaction() as transaction:
                await self.notifier.decide(transaction, tenant, [ReminderDue(incident, now)])
