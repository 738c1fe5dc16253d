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
from flyball.schemas.topics import AUDIT_RECORDS, BUDGET_STATES, REGISTRY_SYSTEMS, ROLLOUTS, TELEMETRY_SUMMARIES
from flyball.store.ports import Tx
from rollback_executor.ports import Rollouts

NAME = "rollback-executor"


@dataclass(frozen=True, slots=True)
class RollbackExecutor(Generic[Tx]):
    rollouts: Callable[[Tx], Rollouts]
    metrics: Metrics

    async def on_summaries(self, transaction: Tx, received: Sequence[Received[TelemetrySummary]]) -> None:
        await self.rollouts(transaction).count_traffic([item.event for item in received])

    async def on_budgets(self, transaction: Tx, received: Sequence[Received[BudgetStates]]) -> None:
        for item in received:
            await self.rollouts(transaction).keep_budgets(item.event)

    async def on_registered(self, transaction: Tx, received: Sequence[Received[SystemRegistered]]) -> None:
        for item in received:
            await self.rollouts(transaction).register(item.event)


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
        publishes=(ROLLOUTS, AUDIT_RECORDS),
    )
