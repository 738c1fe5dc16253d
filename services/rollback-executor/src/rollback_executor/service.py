"""The shell: load the rollouts of a system, apply each input in order, save, publish."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic

from flyball.bus.subscription import Subscription, Wiring
from flyball.bus.typed import Received, TypedHandler
from flyball.observe.metrics import Metrics
from flyball.schemas.budgets import BudgetStates
from flyball.schemas.registry import SystemRegistered
from flyball.schemas.summaries import TelemetrySummary
from flyball.schemas.topics import (
    ALERTS,
    AUDIT_RECORDS,
    BUDGET_STATES,
    REGISTRY_SYSTEMS,
    ROLLOUTS,
    TELEMETRY_SUMMARIES,
)
from flyball.store.ports import Tx
from rollback_executor.domain.blocks import observed
from rollback_executor.domain.gate import red_budgets
from rollback_executor.domain.inputs import Zones
from rollback_executor.domain.rollout import DONE, PROPOSED
from rollback_executor.messages import NAME
from rollback_executor.ports import Rollouts, SystemKey, Tracked
from rollback_executor.sitting import Sitting

BLIND = frozenset({PROPOSED, DONE})
"""Telemetry decides nothing in these steps, and a journal of days would only be long."""


@dataclass(frozen=True, slots=True)
class RollbackExecutor(Generic[Tx]):
    rollouts: Callable[[Tx], Rollouts]
    metrics: Metrics

    async def on_summaries(self, transaction: Tx, received: Sequence[Received[TelemetrySummary]]) -> None:
        await self.rollouts(transaction).count_traffic([item.event for item in received])
        by_system: dict[SystemKey, list[Received[TelemetrySummary]]] = {}
        for item in received:
            by_system.setdefault((item.event.tenant, item.event.system), []).append(item)
        found = await self.rollouts(transaction).watched(by_system.keys())
        for key, tracked in sorted(found.items()):
            sitting = self._seated(transaction, tracked)
            for item in by_system[key]:
                await _observe(sitting, item)
            await sitting.save(by_system[key][-1].recorded_at)

    async def on_budgets(self, transaction: Tx, received: Sequence[Received[BudgetStates]]) -> None:
        for item in sorted(received, key=lambda one: (one.event.tenant, one.event.system)):
            before = red_budgets(await self.rollouts(transaction).keep_budgets(item.event))
            red = red_budgets(item.event)
            newly = tuple(name for name in red if name not in before)
            if newly:
                sitting = await self.sitting(transaction, (item.event.tenant, item.event.system))
                await sitting.give_all(Zones(red=red, newly=newly, at=item.recorded_at))
                await sitting.save(item.recorded_at)

    async def on_registered(self, transaction: Tx, received: Sequence[Received[SystemRegistered]]) -> None:
        for item in received:
            await self.rollouts(transaction).register(item.event)

    async def sitting(self, transaction: Tx, key: SystemKey) -> Sitting[Tx]:
        """Every watched rollout of a system, locked."""
        found = await self.rollouts(transaction).watched([key])
        return self._seated(transaction, found.get(key, ()))

    def _seated(self, transaction: Tx, tracked: Sequence[Tracked]) -> Sitting[Tx]:
        return Sitting(transaction, self.rollouts(transaction)).seat(tracked)


async def _observe(sitting: Sitting[Tx], item: Received[TelemetrySummary]) -> None:
    for tracked in sitting:
        seen = observed(item.event, item.recorded_at, tracked.policy.quality_metric)
        if seen is not None and tracked.rollout.step not in BLIND:
            await sitting.give(tracked.rollout.id, seen)


def wiring(service: RollbackExecutor[Tx]) -> Wiring[Tx]:
    """Everything that this service reads and writes."""
    metrics = service.metrics
    return Wiring(
        NAME,
        subscriptions=(
            Subscription(REGISTRY_SYSTEMS, TypedHandler(NAME, REGISTRY_SYSTEMS, service.on_registered, metrics)),
            Subscription(BUDGET_STATES, TypedHandler(NAME, BUDGET_STATES, service.on_budgets, metrics)),
            Subscription(TELEMETRY_SUMMARIES, TypedHandler(NAME, TELEMETRY_SUMMARIES, service.on_summaries, metrics)),
        ),
        publishes=(ROLLOUTS, AUDIT_RECORDS, ALERTS),
    )
