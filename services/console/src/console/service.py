"""The shell: keep system specs and say so on the registry; follow what must be live on the pages."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic
from uuid import UUID, uuid5

from console.domain.revisions import Registration, register
from console.ports import Changes, Drift, LiveBudgets, Rejections, Systems
from flyball.bus.messages import fact
from flyball.bus.subscription import Subscription, Wiring
from flyball.bus.typed import Received, TypedHandler
from flyball.observe.metrics import Metrics
from flyball.schemas.autonomy import AutonomyRecord, LevelSet
from flyball.schemas.budgets import BudgetStates
from flyball.schemas.drift import DriftReference, DriftReport
from flyball.schemas.incidents import IncidentChanged
from flyball.schemas.registry import SystemRegistered, SystemSpec
from flyball.schemas.rejected import TelemetryRejected
from flyball.schemas.reviews import ReviewChanged
from flyball.schemas.rollouts import RolloutChanged
from flyball.schemas.topics import (
    AUDIT_RECORDS,
    AUTONOMY_LEVELS,
    BUDGET_STATES,
    DRIFT_REFERENCES,
    DRIFT_REPORTS,
    INCIDENTS,
    REGISTRY_SYSTEMS,
    REVIEWS,
    ROLLOUTS,
    TELEMETRY_REJECTED,
)
from flyball.store.ports import Outgoing, Tx

NAME = "console"
REGISTRATION_NAMESPACE = UUID("5b1f8d0c-9a53-5d2e-8f16-6c1f6f1a90d7")
REJECTED_RECORDS_MAX = 100
"""Of one batch: rejected records carry whole bodies, megabytes each."""


@dataclass(frozen=True, slots=True)
class Console(Generic[Tx]):
    notice: timedelta
    systems: Callable[[Tx], Systems]
    rejections: Callable[[Tx], Rejections]
    live_budgets: Callable[[Tx], LiveBudgets]
    drift: Callable[[Tx], Drift]
    changes: Callable[[Tx], Changes]

    async def apply(self, transaction: Tx, spec: SystemSpec, author: str, now: datetime) -> Registration:
        """Append the spec as a revision and publish all of them, in ``transaction``; nothing if nothing changed."""
        systems = self.systems(transaction)
        history = await systems.lock(spec.tenant, spec.system)
        registration = register(history, spec, author, now, self.notice)
        if registration.changed:
            await systems.save(spec.tenant, spec.system, registration.revisions)
            await transaction.enqueue([_registered(registration, now)])
            await self.changes(transaction).note("systems")
        return registration

    async def on_rejected(self, transaction: Tx, received: Sequence[Received[TelemetryRejected]]) -> None:
        await self.rejections(transaction).add([(item.id, item.event) for item in received])

    async def on_budget_states(self, transaction: Tx, received: Sequence[Received[BudgetStates]]) -> None:
        await self.live_budgets(transaction).put([item.event for item in received])
        await self._note(transaction, "budgets", received)

    async def on_references(self, transaction: Tx, received: Sequence[Received[DriftReference]]) -> None:
        # First, for its row is held: versions of one system come over several partitions, and of two batches that do
        # not see each other neither would forget the oldest.
        await self._note(transaction, "drift", received)
        await self.drift(transaction).put_references([item.event for item in received])

    async def on_reports(self, transaction: Tx, received: Sequence[Received[DriftReport]]) -> None:
        await self.drift(transaction).add_reports([(item.id, item.event) for item in received])
        await self._note(transaction, "drift", received)

    async def on_levels(self, transaction: Tx, received: Sequence[Received[AutonomyRecord]]) -> None:
        """Heartbeats come every two seconds, and are no news."""
        await self._note(transaction, "levels", [item for item in received if isinstance(item.event, LevelSet)])

    async def on_reviews(self, transaction: Tx, received: Sequence[Received[ReviewChanged]]) -> None:
        await self._note(transaction, "reviews", received)

    async def on_rollouts(self, transaction: Tx, received: Sequence[Received[RolloutChanged]]) -> None:
        await self._note(transaction, "rollouts", received)

    async def on_incidents(self, transaction: Tx, received: Sequence[Received[IncidentChanged]]) -> None:
        await self._note(transaction, "incidents", received)

    async def _note(self, transaction: Tx, fragment: str, received: Sequence[Received[Any]]) -> None:
        """What was told before is no news."""
        if received:
            await self.changes(transaction).note(fragment)


def wiring(service: Console[Tx], metrics: Metrics) -> Wiring[Tx]:
    """Everything that this service reads, and writes through the outbox."""
    rejected = TypedHandler(NAME, TELEMETRY_REJECTED, service.on_rejected, metrics)
    states = TypedHandler(NAME, BUDGET_STATES, service.on_budget_states, metrics)
    return Wiring(
        NAME,
        subscriptions=(
            Subscription(TELEMETRY_REJECTED, rejected, records_max=REJECTED_RECORDS_MAX),
            Subscription(BUDGET_STATES, states),
            *(Subscription(handler.topic, handler) for handler in _followed(service, metrics)),
        ),
        publishes=(REGISTRY_SYSTEMS, AUDIT_RECORDS),
    )


def _followed(service: Console[Tx], metrics: Metrics) -> Sequence[TypedHandler[Tx, Any]]:
    """What is shown, or asked for again, when it changes."""
    return (
        TypedHandler(NAME, DRIFT_REFERENCES, service.on_references, metrics),
        TypedHandler(NAME, DRIFT_REPORTS, service.on_reports, metrics),
        TypedHandler(NAME, AUTONOMY_LEVELS, service.on_levels, metrics),
        TypedHandler(NAME, REVIEWS, service.on_reviews, metrics),
        TypedHandler(NAME, ROLLOUTS, service.on_rollouts, metrics),
        TypedHandler(NAME, INCIDENTS, service.on_incidents, metrics),
    )


def _registered(registration: Registration, now: datetime) -> Outgoing:
    spec = registration.current.spec
    event = SystemRegistered(tenant=spec.tenant, system=spec.system, revisions=registration.revisions)
    identity = uuid5(REGISTRATION_NAMESPACE, f"{spec.tenant}\n{spec.system}\n{registration.current.version}")
    return fact(REGISTRY_SYSTEMS, event, source=NAME, identity=identity, system=spec.system, time=now)
