"""Time as a recorded cause: ticks end what nobody ended, remind people, and renew the lease. They approve nothing."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Generic

from autonomy_controller import facts
from autonomy_controller.commands import end
from autonomy_controller.domain import actions, reviews
from autonomy_controller.domain.standings import next_revision_at
from autonomy_controller.ports import Memory
from autonomy_controller.service import activate
from flyball.bus.retry import Backoff, retried
from flyball.store.ports import Database, Outgoing, Tx

ROWS_MAX = 200


@dataclass(slots=True)
class Ticker(Generic[Tx]):
    """One tick is one transaction: any number of replicas may tick, and each thing happens once."""

    database: Database[Tx]
    memory: Callable[[Tx], Memory]
    heartbeat_keys: Sequence[bytes]
    """One key for each partition of the levels topic."""
    tick_seconds: float
    heartbeat_seconds: float
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    backoff: Backoff = field(default_factory=Backoff)
    random: Random = field(default_factory=Random)

    async def run(self) -> None:
        """Tick until cancelled."""
        while True:
            await retried("tick", self.tick, self.backoff, self.random)
            await asyncio.sleep(self.tick_seconds)

    async def tick(self) -> datetime:
        """Do what time asks for; returns the recorded time of the tick."""
        async with self.database.transaction() as transaction:
            memory = self.memory(transaction)
            now = await memory.tick(self.clock())
            out = await activated(memory, now) + await overdue(memory, now)
            # Behind everything else that waits in the outbox: who sees this heartbeat has seen every earlier demotion.
            if await memory.beat(now, self.heartbeat_seconds):
                out += [facts.heartbeat(key, now) for key in self.heartbeat_keys]
            await transaction.enqueue(out)
        return now


async def activated(memory: Memory, now: datetime) -> list[Outgoing]:
    """Put revisions of specs into force whose time has come."""
    out: list[Outgoing] = []
    for key in await memory.systems_due(now, ROWS_MAX):
        revisions = await memory.revisions(key)
        out += await activate(memory, key, revisions, f"tick {now.isoformat()}", now)
        await memory.note_revision(key, next_revision_at(revisions, now))
    return out


async def overdue(memory: Memory, now: datetime) -> list[Outgoing]:
    """Every action past its limit ends; every review past a moment is moved on."""
    late, moved = await memory.due(now, ROWS_MAX)
    held = await memory.actions({*late, *(action_id for action_id, _ in moved)})
    out: list[Outgoing] = []
    for action_id in sorted(set(late)):
        ending = actions.overdue(held[action_id], now)
        if ending is not None:
            out += await end(memory, held[action_id], *ending, now)
    for review in (await memory.reviews({review_id for _, review_id in moved})).values():
        ticked = reviews.ticked(review, now)
        if ticked.review == review:
            continue
        await memory.save_reviews([ticked.review])
        action = held[review.action_id]
        out += [facts.review(ticked.review, action, name) for name in ticked.reminders]
        if ticked.review.state != review.state:
            out.append(facts.review(ticked.review, action))
    return out
