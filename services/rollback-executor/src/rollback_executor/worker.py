"""What happens by itself: ticks, orders to targets, and looks at what the targets really run.

Each effect is outside of every transaction: the intent was committed before, the receipt is committed after.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic

from flyball.store.errors import Transient
from flyball.store.ports import Database, Tx
from rollback_executor.domain.inputs import Outcome, Receipt, Replicas, Tick
from rollback_executor.domain.rollout import BAKE, RETURNING, STAGES
from rollback_executor.ports import Order, Queue, Rollouts, SystemKey, TargetName, TargetRefusedError, Targets, Tracked
from rollback_executor.service import RollbackExecutor

logger = logging.getLogger(__name__)
TICKING = STAGES | RETURNING
OBSERVED = RETURNING | {BAKE}
ORDER_POLL_SECONDS = 0.25
DETAIL_CHARACTERS_MAX = 512


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Worker(Generic[Tx]):
    """Any number of replicas may run it: the lock on the system decides who is first, the epoch what is too late."""

    database: Database[Tx]
    rollouts: Callable[[Tx], Rollouts]
    queue: Queue
    service: RollbackExecutor[Tx]
    targets: Targets
    tick_seconds: float
    observe_seconds: float
    clock: Callable[[], datetime] = utc_now
    order_seconds: float = ORDER_POLL_SECONDS

    async def tick_forever(self) -> None:
        await _repeated("ticks", self.tick_all, self.tick_seconds)

    async def order_forever(self) -> None:
        await _repeated("orders", self.order_all, self.order_seconds)

    async def observe_forever(self) -> None:
        await _repeated("observation", self.observe_all, self.observe_seconds)

    async def tick_all(self) -> None:
        await self.queue.forget_traffic(self.clock())
        for key in await self.queue.watched_systems():
            await self._tick(key)

    async def _tick(self, key: SystemKey) -> None:
        now = self.clock()
        async with self.database.transaction() as transaction:
            sitting = await self.service.sitting(transaction, key)
            for tracked in sitting:
                elapsed_ms = int((now - tracked.ticked_at).total_seconds() * 1_000)
                if elapsed_ms < self.tick_seconds * 500:
                    # Another replica was faster.
                    continue
                sitting.tick(tracked.rollout.id, now)
                if tracked.rollout.step in TICKING:
                    # An outage counts as two ticks: nobody looked, so nobody can say that nothing came.
                    tick = Tick(at=now, elapsed_ms=min(elapsed_ms, int(self.tick_seconds * 2_000)))
                    await sitting.give(tracked.rollout.id, tick)
            await sitting.save(now)

    async def order_all(self) -> None:
        for order in await self.queue.claim_orders(self.clock()):
            await self._carry_out(order)

    async def _carry_out(self, order: Order) -> None:
        target = self.targets.target(order.adapter, order.name)
        if target is None:
            await self._receipt(order, "refused", f"this process has no adapter {order.adapter!r}")
            return
        try:
            await target.apply(order.token, order.epoch)
        except TargetRefusedError as error:
            await self._receipt(order, "refused", str(error))
        except Transient as error:
            logger.warning("order %s epoch %d: %s", order.rollout_id, order.epoch, error)
            await self._receipt(order, "unknown", str(error))
        else:
            await self._receipt(order, "accepted", f"{order.adapter} holds epoch {order.epoch}")

    async def _receipt(self, order: Order, outcome: Outcome, detail: str) -> None:
        now = self.clock()
        # Strangers choose these words, and Postgres's text cannot hold a NUL.
        detail = detail[:DETAIL_CHARACTERS_MAX].replace("\0", "\ufffd")
        async with self.database.transaction() as transaction:
            sitting = await self.service.sitting(transaction, (order.name.tenant, order.name.system))
            tracked = sitting.find(order.rollout_id)
            is_current = tracked is not None and tracked.rollout.epoch == order.epoch
            if outcome != "unknown" or not is_current:
                settled = outcome if is_current else "superseded"
                await self.rollouts(transaction).settle(order, settled, detail, now)
            if is_current and (outcome != "unknown" or order.attempts == 1):
                receipt = Receipt(epoch=order.epoch, outcome=outcome, detail=detail, at=now)
                await sitting.give(order.rollout_id, receipt)
                await sitting.save(now)

    async def observe_all(self) -> None:
        for key in await self.queue.watched_systems():
            async with self.database.transaction() as transaction:
                found = list(await self.service.sitting(transaction, key))
            for tracked in found:
                if tracked.rollout.step in OBSERVED:
                    await self._observe(tracked)

    async def _observe(self, tracked: Tracked) -> None:
        before = tracked.rollout
        target = self.targets.target(before.adapter, TargetName(before.tenant, before.system, before.environment))
        if target is None:
            return
        try:
            versions = await target.observe()
        except Transient as error:
            # One target that is away must not keep us from looking at the others.
            logger.warning("looking at %s: %s", before.id, error)
            return
        now = self.clock()
        async with self.database.transaction() as transaction:
            sitting = await self.service.sitting(transaction, (before.tenant, before.system))
            tracked_now = sitting.find(before.id)
            # What was seen before a new order was given says nothing about that order.
            if tracked_now is not None and tracked_now.rollout.epoch == before.epoch:
                await sitting.give(before.id, Replicas(versions=dict(versions), at=now))
                await sitting.save(now)


async def _repeated(what: str, work: Callable[[], Awaitable[None]], seconds: float) -> None:
    """Until cancelled. What is away now is asked again next time; a bug ends the service."""
    while True:
        try:
            await work()
        except Transient as error:
            logger.warning("%s: %s", what, error)
        await asyncio.sleep(seconds)
