"""The shell: what each topic makes of the controller's state."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from autonomy_controller import facts
from autonomy_controller.deciding import Asked, decide_all, level_facts
from autonomy_controller.domain import actions, reviews, standings
from autonomy_controller.domain.actions import Classes
from autonomy_controller.domain.audit import CONTROLLER
from autonomy_controller.domain.changes import Change, applied
from autonomy_controller.domain.state import Action, Standing
from autonomy_controller.ports import Memory, SystemKey
from flyball.bus.records import Record
from flyball.bus.subscription import Subscription, Wiring
from flyball.bus.typed import Received, TypedHandler
from flyball.observe.metrics import Metrics
from flyball.schemas.autonomy import ActionDecided, ActionEnded, ActionReported, ActionRequested
from flyball.schemas.budgets import BudgetStates
from flyball.schemas.drift import DriftReport
from flyball.schemas.guardrails import SYSTEM_WIDE
from flyball.schemas.registry import SystemRegistered, SystemRevision
from flyball.schemas.telemetry import TelemetryException
from flyball.schemas.topics import (
    AGENT_ACTIONS,
    AGENT_DECISIONS,
    AUDIT_RECORDS,
    AUTONOMY_LEVELS,
    BUDGET_STATES,
    DRIFT_REPORTS,
    REGISTRY_SYSTEMS,
    REVIEWS,
    TELEMETRY_EXCEPTIONS,
    Topic,
)
from flyball.store.ports import Outgoing, Transaction, Tx

NAME = facts.NAME
OWN = ("ce_source", f"/flyball/{NAME}".encode())
Judge = Callable[[Standing, Any], tuple[Standing, Change | None]]
Tx_contra = TypeVar("Tx_contra", bound=Transaction, contravariant=True)
logger = logging.getLogger(__name__)


class Answering(Protocol[Tx_contra]):
    """Answers requests when the transaction holds, and not before."""

    def __call__(
        self, transaction: Tx_contra, requests: Sequence[ActionRequested], stored: Mapping[str, Action]
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class AutonomyController(Generic[Tx]):
    memory: Callable[[Tx], Memory]
    metrics: Metrics
    answer: Answering[Tx]

    async def on_actions(self, transaction: Tx, received: Sequence[Received[ActionRequested | ActionReported]]) -> None:
        """Requests are decided, then reports are taken: an agent reports only what was decided before."""
        memory = self.memory(transaction)
        asked = [
            Asked(one.event, one.recorded_at, str(one.id)) for one in received if isinstance(one.event, ActionRequested)
        ]
        if asked:
            stored, out = await decide_all(memory, asked, _systems_of(received))
            await transaction.enqueue(out)
            self.answer(transaction, [item.request for item in asked], stored)
        await self._reported(transaction, [one for one in received if isinstance(one.event, ActionReported)])

    async def on_decisions(
        self, transaction: Tx, received: Sequence[Received[ActionDecided | ActionReported | ActionEnded]]
    ) -> None:
        """What SDKs decided by themselves, and how it ended. Our own decisions come along here and are skipped."""
        asked = [
            Asked(one.event.request, one.recorded_at, str(one.id), one.event)
            for one in received
            if isinstance(one.event, ActionDecided) and _is_whole(one.event) and one.event.request is not None
        ]
        if asked:
            _, out = await decide_all(self.memory(transaction), asked, _systems_of(received))
            await transaction.enqueue(out)
        await self._reported(transaction, [one for one in received if isinstance(one.event, ActionReported)])

    async def on_registered(self, transaction: Tx, received: Sequence[Received[SystemRegistered]]) -> None:
        memory = self.memory(transaction)
        await memory.classes(_systems_of(received), change=True)
        for one in received:
            await memory.register(one.event, standings.next_revision_at(one.event.revisions, one.recorded_at))
            key = (one.event.tenant, one.event.system)
            await transaction.enqueue(await activate(memory, key, one.event.revisions, str(one.id), one.recorded_at))

    async def on_budget_states(self, transaction: Tx, received: Sequence[Received[BudgetStates]]) -> None:
        """A budget that becomes red takes one level from every class, once."""
        await self.memory(transaction).classes(_systems_of(received), change=True)
        for one in received:
            await self._judged(transaction, one, standings.with_budgets)

    async def on_drift_reports(self, transaction: Tx, received: Sequence[Received[DriftReport]]) -> None:
        """Critical drift: L0. High: L1 at most while it is open. Medium: audits doubled."""
        await self.memory(transaction).classes(_systems_of(received), change=True)
        for one in received:
            await self._judged(transaction, one, standings.with_drift)

    async def on_exceptions(self, transaction: Tx, received: Sequence[Received[TelemetryException]]) -> None:
        """A feed in quarantine holds promotions back until its owner releases it."""
        for one in received:
            if one.event.kind in (standings.QUARANTINED, standings.RELEASED):
                await self._judged(transaction, one, standings.with_exception)

    async def _judged(self, transaction: Tx, one: Received[Any], judge: Judge) -> None:
        memory, key = self.memory(transaction), (one.event.tenant, one.event.system)
        held = (await memory.classes({key}, change=True))[key]
        standing, change = judge((await memory.standings({key}, change=True))[key], one.event)
        await memory.save_standing(standing)
        if change is not None:
            causes = dict.fromkeys(held, change)
            await transaction.enqueue(await changed(memory, key, held, causes, str(one.id), one.recorded_at))

    async def _reported(self, transaction: Tx, received: Sequence[Received[Any]]) -> None:
        if not received:
            return
        memory = self.memory(transaction)
        await memory.classes(_systems_of(received))
        stored = await memory.actions({one.event.action_id for one in received})
        done: dict[str, Action] = {}
        out: list[Outgoing] = []
        for one in received:
            # The same report may come twice in a batch: the second one finds what the first one has ended.
            action = done.get(one.event.action_id) or stored.get(one.event.action_id)
            ended, told = await report(memory, action, one.event, one.recorded_at)
            if ended is not None:
                done[ended.id] = ended
            out += told
        await memory.save_actions(list(done.values()))
        await transaction.enqueue(out)


async def activate(
    memory: Memory, key: SystemKey, revisions: Sequence[SystemRevision], cause: str, now: datetime
) -> list[Outgoing]:
    """Put the newest revision in force into force, for declared classes, former ones, and the one for the system."""
    held = (await memory.classes({key}, change=True))[key]
    newest = standings.in_force(revisions, now)
    if newest is None:
        return []
    standing = (await memory.standings({key}))[key]
    names = {*held, *newest.spec.autonomy.action_classes, SYSTEM_WIDE}
    old = {name for name, state in held.items() if state.control.policy_version == newest.version}
    causes = {name: standings.spec_of(newest, name, standing) for name in names - old}
    return await changed(memory, key, held, causes, cause, now)


async def changed(
    memory: Memory, key: SystemKey, held: Classes, causes: Mapping[str, Change], cause: str, now: datetime
) -> list[Outgoing]:
    """Apply a change to each class named, store those that it moved; the facts that say so."""
    after = {name: applied(change, held.get(name), (*key, name), now) for name, change in sorted(causes.items())}
    moved = {name: state for name, state in after.items() if state != held.get(name)}
    await memory.save_classes(list(moved.values()))
    out: list[Outgoing] = []
    for name, state in moved.items():
        out += level_facts(held.get(name), state, causes[name], cause, CONTROLLER)
    return out


async def report(
    memory: Memory, action: Action | None, event: ActionReported, now: datetime
) -> tuple[Action | None, list[Outgoing]]:
    """Take an agent's word on how its action ended: the ended action, to be saved. A second end changes nothing."""
    if action is None or action.request.system != event.system or action.state not in ("allowed", "started"):
        state = "unknown" if action is None else action.state
        logger.warning("report %s of action %s is of no use: it is %s", event.end, event.action_id, state)
        return None, []
    done = actions.ended(action, event.end, event.detail, now)
    out = [facts.ended(done)]
    if done.sample.taken and event.end == "executed":
        key = (done.request.tenant, done.request.system)
        known = (await memory.classes({key}))[key].get(done.request.action_class)
        audit = reviews.opened(done, "audit", known, await memory.salt(), now)
        await memory.save_reviews([audit])
        out.append(facts.review(audit, done))
    return done, out


def wiring(service: AutonomyController[Tx]) -> Wiring[Tx]:
    """Everything that this service reads and writes."""

    def typed(topic: Topic, decide: Any, wanted: Callable[[Record], bool] = lambda _: True) -> TypedHandler[Tx, Any]:
        return TypedHandler(NAME, topic, decide, service.metrics, wanted=wanted)

    # What is judged by the spec waits until the spec has been read.
    spec = (REGISTRY_SYSTEMS,)
    subscriptions = (
        Subscription(REGISTRY_SYSTEMS, typed(REGISTRY_SYSTEMS, service.on_registered)),
        Subscription(BUDGET_STATES, typed(BUDGET_STATES, service.on_budget_states), after=spec),
        Subscription(DRIFT_REPORTS, typed(DRIFT_REPORTS, service.on_drift_reports), after=spec),
        Subscription(TELEMETRY_EXCEPTIONS, typed(TELEMETRY_EXCEPTIONS, service.on_exceptions), after=spec),
        # Agents wait for these answers, and each transaction waits for a disk.
        Subscription(AGENT_ACTIONS, typed(AGENT_ACTIONS, service.on_actions), after=spec, together=True),
        Subscription(
            AGENT_DECISIONS,
            typed(AGENT_DECISIONS, service.on_decisions, _is_of_others),
            after=spec,
            together=True,
            # Nobody waits for what has been decided, and most of it is ours.
            bytes_min=64 * 1024,
        ),
    )
    return Wiring(NAME, subscriptions, publishes=(AGENT_DECISIONS, AUTONOMY_LEVELS, REVIEWS, AUDIT_RECORDS))


def _systems_of(received: Sequence[Received[Any]]) -> set[SystemKey]:
    """Whose classes a transaction holds: first of all, and of all at once, so that no two wait for one another."""
    return {(one.event.tenant, one.event.system) for one in received}


def _is_of_others(record: Record) -> bool:
    """Our own facts come back on a topic that SDKs write to as well. They are known, so they are not even read."""
    return OWN not in record.headers


def _is_whole(decided: ActionDecided) -> bool:
    """An SDK's decision that says what it was about; one that claims to be ours is nobody's."""
    request = decided.request
    return (
        decided.decided_by == "sdk"
        and request is not None
        and (request.action_id, request.tenant, request.system) == (decided.action_id, decided.tenant, decided.system)
        and decided.digest == request.digest
    )
