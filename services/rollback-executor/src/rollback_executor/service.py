"""The shell: load the rollouts of a system, apply each input in order, save, publish."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Generic

from flyball.bus.subscription import Subscription, Wiring
from flyball.bus.typed import Received, TypedHandler
from flyball.observe.metrics import Metrics
from flyball.schemas.budgets import BudgetStates
from flyball.schemas.registry import SystemRegistered
from flyball.schemas.summaries import TelemetrySummary
from flyball.schemas.topics import ALERTS, AUDIT_RECORDS, BUDGET_STATES, REGISTRY_SYSTEMS, ROLLOUTS, TELEMETRY_SUMMARIES
from flyball.store.ports import Tx
from rollback_executor.domain.blocks import observed
from rollback_executor.domain.decide import decide
from rollback_executor.domain.facts import Fact, RolledBackByItself
from rollback_executor.domain.gate import red_budgets
from rollback_executor.domain.inputs import Barred, Input, Zones
from rollback_executor.messages import NAME, messages_of
from rollback_executor.ports import Rollouts, SystemKey, Tracked

InputsOf = Callable[[Tracked], Sequence[Input]]


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
            last = by_system[key][-1].recorded_at
            await self.feed(transaction, tracked, lambda one, key=key: _observed(by_system[key], one), last)  # type: ignore[misc]

    async def on_budgets(self, transaction: Tx, received: Sequence[Received[BudgetStates]]) -> None:
        for item in sorted(received, key=lambda one: (one.event.tenant, one.event.system)):
            before = red_budgets(await self.rollouts(transaction).keep_budgets(item.event))
            red = red_budgets(item.event)
            newly = tuple(name for name in red if name not in before)
            if newly:
                zones = Zones(red=red, newly=newly, at=item.recorded_at)
                await self.give(transaction, (item.event.tenant, item.event.system), lambda _, z=zones: [z], zones.at)  # type: ignore[misc]

    async def on_registered(self, transaction: Tx, received: Sequence[Received[SystemRegistered]]) -> None:
        for item in received:
            await self.rollouts(transaction).register(item.event)

    async def give(self, transaction: Tx, key: SystemKey, inputs_of: InputsOf, at: datetime) -> None:
        """Apply inputs to every watched rollout of a system."""
        found = await self.rollouts(transaction).watched([key])
        await self.feed(transaction, found.get(key, ()), inputs_of, at)

    async def feed(
        self, transaction: Tx, tracked: Sequence[Tracked], inputs_of: InputsOf, at: datetime
    ) -> Sequence[Tracked]:
        """Apply inputs to these rollouts of one system, which is locked; tell the others of an automatic rollback."""
        after = [await self._one(transaction, one, inputs_of(one), at) for one in tracked]
        for number, (_, facts) in enumerate(after):
            for fact in facts:
                if isinstance(fact, RolledBackByItself):
                    barred = Barred(until=fact.until, at=fact.at)
                    others = [one for other, (one, _) in enumerate(after) if other != number]
                    for one in others:
                        await self._one(transaction, one, [barred], at)
        return [one for one, _ in after]

    async def _one(
        self, transaction: Tx, tracked: Tracked, inputs: Sequence[Input], at: datetime
    ) -> tuple[Tracked, list[Fact]]:
        everything: list[Fact] = []
        for given in inputs:
            rollout, facts = decide(tracked.rollout, given, tracked.policy)
            tracked = replace(tracked, rollout=rollout)
            # After each input: an audit record names the journal up to the input that caused it.
            await transaction.enqueue(messages_of(tracked.rollout, tracked.policy, facts))
            everything += facts
        if inputs:
            await self.rollouts(transaction).save(tracked, inputs, everything, at)
        return tracked, everything


def _observed(received: Sequence[Received[TelemetrySummary]], tracked: Tracked) -> list[Input]:
    metric = tracked.policy.quality_metric
    seen = (observed(item.event, item.recorded_at, metric) for item in received)
    return [one for one in seen if one is not None]


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
