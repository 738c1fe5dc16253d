"""The shell: load the books, apply the summaries, save, publish."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic
from uuid import UUID, uuid5

from budget_ledger.domain.batch import Item, apply, needs_of
from budget_ledger.ports import Ledger
from flyball.bus.messages import fact
from flyball.bus.subscription import Subscription, Wiring
from flyball.bus.typed import Received, TypedHandler
from flyball.observe.metrics import Metrics
from flyball.schemas.alerts import Alert
from flyball.schemas.audit import AuditRecord
from flyball.schemas.budgets import BudgetStates
from flyball.schemas.registry import SystemRegistered
from flyball.schemas.summaries import TelemetrySummary
from flyball.schemas.topics import ALERTS, AUDIT_RECORDS, BUDGET_STATES, REGISTRY_SYSTEMS, TELEMETRY_SUMMARIES
from flyball.store.ports import Outgoing, Tx

NAME = "budget-ledger"
STATES_NAMESPACE = UUID("5b8a2a5e-1b0e-5c39-8a66-3f4f2f9f6c02")


@dataclass(frozen=True, slots=True)
class BudgetLedger(Generic[Tx]):
    ledger: Callable[[Tx], Ledger]
    metrics: Metrics

    async def on_summaries(self, transaction: Tx, received: Sequence[Received[TelemetrySummary]]) -> None:
        items = [Item(one.event, str(one.id), one.recorded_at) for one in received]
        scoring = [item for item in items if item.scores]
        if not scoring:
            return
        ledger = self.ledger(transaction)
        revisions = await ledger.revisions({item.system for item in scoring})
        books = await ledger.lock_books(needs_of(scoring, revisions))
        outcome = apply(scoring, books, revisions)
        await ledger.save(books, outcome.books, outcome.entries)
        # After the locks: so the outbox ids of one system rise in the order of the commits.
        await transaction.enqueue(
            [_states(event) for event in outcome.facts]
            + [_audit(record) for record in outcome.audits]
            + [_alert(alert) for alert in outcome.alerts]
        )

    async def on_registered(self, transaction: Tx, received: Sequence[Received[SystemRegistered]]) -> None:
        for item in received:
            await self.ledger(transaction).register(item.event)


def wiring(service: BudgetLedger[Tx]) -> Wiring[Tx]:
    """Everything that this service reads and writes."""
    summaries = TypedHandler(NAME, TELEMETRY_SUMMARIES, service.on_summaries, service.metrics)
    registered = TypedHandler(NAME, REGISTRY_SYSTEMS, service.on_registered, service.metrics)
    return Wiring(
        NAME,
        subscriptions=(
            Subscription(REGISTRY_SYSTEMS, registered),
            Subscription(TELEMETRY_SUMMARIES, summaries, after=(REGISTRY_SYSTEMS,)),
        ),
        publishes=(BUDGET_STATES, AUDIT_RECORDS, ALERTS),
    )


def _states(event: BudgetStates) -> Outgoing:
    return fact(
        BUDGET_STATES,
        event,
        source=NAME,
        identity=uuid5(STATES_NAMESPACE, event.cause),
        system=event.system,
        time=event.as_of,
    )


def _audit(record: AuditRecord) -> Outgoing:
    return fact(
        AUDIT_RECORDS,
        record,
        source=NAME,
        identity=uuid5(STATES_NAMESPACE, f"{record.subject}\n{record.reason}"),
        system=record.system,
        time=record.decided_at,
    )


def _alert(alert: Alert) -> Outgoing:
    return fact(
        ALERTS,
        alert,
        source=NAME,
        identity=uuid5(STATES_NAMESPACE, f"{alert.tenant}\n{alert.fingerprint}\n{alert.labels['entry']}"),
        system=alert.system,
        time=alert.ended_at or alert.started_at,
    )
