"""The shell: load the board, apply what came, save, publish."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic
from uuid import UUID, uuid5

from flyball.bus.messages import fact
from flyball.bus.records import Record
from flyball.bus.subscription import Subscription, Wiring
from flyball.bus.typed import Received, TypedHandler
from flyball.observe.metrics import Metrics
from flyball.schemas.alerts import Alert
from flyball.schemas.audit import AuditRecord
from flyball.schemas.topics import ALERTS, AUDIT_RECORDS, INCIDENTS
from flyball.store.ports import Outgoing, Tx
from notifier.domain.board import Board
from notifier.domain.facts import Outcome
from notifier.domain.inputs import AlertSeen, Answered, Input, Overflowed
from notifier.domain.linked import KINDS, change_of
from notifier.domain.pipeline import apply
from notifier.domain.policy import Policy
from notifier.ports import Boards, Changes

NAME = "notifier"
WORDS = tuple(sorted(kind.encode() for kind in KINDS))
FACTS = UUID("b4c8f5a3-8f6e-5a61-8f0c-6d0a2d4f7c10")
"""Namespace of the ids of what this service publishes."""


@dataclass(frozen=True, slots=True)
class Notifier(Generic[Tx]):
    boards: Callable[[Tx], Boards]
    changes: Callable[[Tx], Changes]
    policy: Policy
    metrics: Metrics

    async def on_alerts(self, transaction: Tx, received: Sequence[Received[Alert]]) -> None:
        by_tenant: dict[str, list[Input]] = {}
        for item in received:
            by_tenant.setdefault(item.event.tenant, []).append(AlertSeen(item.event, item.recorded_at))
        for tenant in sorted(by_tenant):
            await self.decide(transaction, tenant, by_tenant[tenant])

    async def on_decided(self, transaction: Tx, received: Sequence[Received[AuditRecord]]) -> None:
        """Keep what may explain an incident. Nothing is decided from it."""
        changes = [change for item in received if (change := change_of(item.id, item.event)) is not None]
        if changes:
            await self.changes(transaction).add(changes)

    async def decide(
        self, transaction: Tx, tenant: str, inputs: Sequence[Input], refuse: Callable[[Board], None] = lambda _: None
    ) -> Board:
        """Apply inputs to a tenant's board. ``refuse`` may raise over the board as it was, and then nothing is done."""
        boards = self.boards(transaction)
        board = await boards.load(tenant, _incidents(inputs))
        refuse(board)
        began_at = board.sequence
        outcome = apply(board, inputs, self.policy)
        await boards.save(board, inputs, outcome)
        # After the board's lock: so the outbox ids of one tenant rise in the order of the commits.
        await transaction.enqueue(_messages(tenant, began_at, board, outcome))
        return board


def wiring(service: Notifier[Tx]) -> Wiring[Tx]:
    """Everything that this service reads and writes."""
    alerts = TypedHandler(NAME, ALERTS, service.on_alerts, service.metrics)
    decided = TypedHandler(NAME, AUDIT_RECORDS, service.on_decided, service.metrics, wanted=_is_of_interest)
    subscriptions = (Subscription(ALERTS, alerts), Subscription(AUDIT_RECORDS, decided))
    return Wiring(NAME, subscriptions=subscriptions, publishes=(INCIDENTS, ALERTS, AUDIT_RECORDS))


def _is_of_interest(record: Record) -> bool:
    """Most of what is audited are single decisions of agents. They are not read, nor remembered as seen."""
    return any(kind in (record.value or b"") for kind in WORDS)


def _incidents(inputs: Sequence[Input]) -> set[str]:
    """Incidents that inputs speak of, which may be over."""
    named = {given.key.incident for given in inputs if isinstance(given, Answered)}
    named |= {key.incident for given in inputs if isinstance(given, Overflowed) for key in given.keys}
    return named | {str(incident) for given in inputs if (incident := getattr(given, "incident", None))}


def _messages(tenant: str, began_at: int, board: Board, outcome: Outcome) -> list[Outgoing]:
    cause = f"{tenant}/{began_at}-{board.sequence}"
    messages = []
    for number, change in enumerate(outcome.changes):
        identity = uuid5(FACTS, f"{cause}/change/{number}")
        system, key = change.systems[0], change.incident_id.encode()
        messages.append(
            fact(INCIDENTS, change, source=NAME, identity=identity, system=system, time=change.changed_at, key=key)
        )
    for number, record in enumerate(outcome.audits):
        identity = uuid5(FACTS, f"{cause}/audit/{number}")
        messages.append(
            fact(AUDIT_RECORDS, record, source=NAME, identity=identity, system=record.system, time=record.decided_at)
        )
    for number, alert in enumerate(outcome.alerts):
        identity = uuid5(FACTS, f"{cause}/alert/{number}")
        time = alert.ended_at or alert.started_at
        messages.append(fact(ALERTS, alert, source=NAME, identity=identity, system=alert.system, time=time))
    return messages
