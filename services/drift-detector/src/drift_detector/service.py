"""The shell: load the systems, apply each summary in order, save, publish."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic

from drift_detector.domain.decide import Item, announced, decide
from drift_detector.domain.finding import ACTOR, SERVICE
from drift_detector.domain.learn import learned
from drift_detector.domain.policy import rules_at
from drift_detector.domain.state import Pane
from drift_detector.messages import PUBLISHES, message_of
from drift_detector.ports import SystemKey, Systems, Tracked
from flyball.bus.subscription import Subscription, Wiring
from flyball.bus.typed import Received, TypedHandler
from flyball.observe.metrics import Metrics
from flyball.schemas.drift import DriftReference, DriftReport
from flyball.schemas.registry import SystemRegistered
from flyball.schemas.summaries import TelemetrySummary
from flyball.schemas.topics import DRIFT_REFERENCES, REGISTRY_SYSTEMS, TELEMETRY_SUMMARIES
from flyball.store.ports import Outgoing, Tx

NAME = SERVICE
REFERENCES_MAX = 50
"""Of one batch: a reference may have half a megabyte."""


@dataclass(frozen=True, slots=True)
class DriftDetector(Generic[Tx]):
    systems: Callable[[Tx], Systems]
    metrics: Metrics

    async def on_summaries(self, transaction: Tx, received: Sequence[Received[TelemetrySummary]]) -> None:
        by_system: dict[SystemKey, list[Item]] = {}
        for one in received:
            item = Item(one.event, one.recorded_at)
            if item.counts:
                by_system.setdefault((one.event.tenant, one.event.system), []).append(item)
        if not by_system:
            return
        systems = self.systems(transaction)
        found = await systems.lock(by_system.keys())
        for key, tracked in sorted(found.items(), key=lambda entry: entry[0]):
            # After the locks: so the outbox ids of one system rise in the order of the commits.
            await transaction.enqueue(await _applied(systems, key, tracked, by_system[key]))

    async def on_references(self, transaction: Tx, received: Sequence[Received[DriftReference]]) -> None:
        for item in received:
            await self.systems(transaction).keep_reference(item.event)

    async def on_registered(self, transaction: Tx, received: Sequence[Received[SystemRegistered]]) -> None:
        for item in received:
            await self.systems(transaction).register(item.event)


async def _applied(systems: Systems, key: SystemKey, before: Tracked, items: Sequence[Item]) -> list[Outgoing]:
    """Apply summaries of one system, one after another, and save it."""
    after, panes, messages, reports = before, list[Pane](), list[Outgoing](), list[DriftReport]()
    for item in items:
        decision = decide(after.state, after.recent, item, after.known, rules_at(after.revisions, item.recorded_at))
        if decision.state.version != after.state.version:
            # Here and not in the end: this very summary, and others of its batch, may be kept for the new version.
            await systems.forget_rows(key, decision.state.version)
        after = replace(after, state=decision.state, recent=decision.recent)
        panes += decision.judged
        if decision.kept is not None:
            await systems.keep_rows(key, decision.kept)
        facts = decision.facts
        if decision.is_due:
            after, made = await _learned(systems, key, after, item)
            facts += announced(made) if made else ()
        messages += [message_of(told, item.recorded_at) for told in facts]
        reports += [told for told in facts if isinstance(told, DriftReport)]
    await systems.save(key, before, after, panes)
    await systems.keep_reports(reports)
    return messages


async def _learned(
    systems: Systems, key: SystemKey, tracked: Tracked, item: Item
) -> tuple[Tracked, DriftReference | None]:
    """Make a reference of the first rows. Where they hold nothing to watch, others are waited for."""
    kept = await systems.first_rows(key, tracked.state.version)
    made = learned(*key, kept, tracked.known.in_force(item.judged_at), ACTOR, item.recorded_at)
    if made is None:
        await systems.forget_rows(key, tracked.state.version + 1)
        return replace(tracked, state=replace(tracked.state, learned_rows=0)), None
    await systems.keep_reference(made)
    return replace(tracked, known=tracked.known.with_reference(made)), made


def wiring(service: DriftDetector[Tx]) -> Wiring[Tx]:
    """Everything that this service reads and writes."""
    metrics = service.metrics
    summaries = TypedHandler(NAME, TELEMETRY_SUMMARIES, service.on_summaries, metrics)
    return Wiring(
        NAME,
        subscriptions=(
            Subscription(REGISTRY_SYSTEMS, TypedHandler(NAME, REGISTRY_SYSTEMS, service.on_registered, metrics)),
            Subscription(
                DRIFT_REFERENCES,
                TypedHandler(NAME, DRIFT_REFERENCES, service.on_references, metrics),
                records_max=REFERENCES_MAX,
            ),
            Subscription(TELEMETRY_SUMMARIES, summaries, after=(REGISTRY_SYSTEMS, DRIFT_REFERENCES)),
        ),
        publishes=PUBLISHES,
    )
