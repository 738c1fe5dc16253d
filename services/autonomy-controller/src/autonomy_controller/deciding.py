"""From requests to stored decisions, reviews and facts; the same way from Kafka and from HTTP."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime

from autonomy_controller import facts
from autonomy_controller.domain import actions, audit, changes, reviews
from autonomy_controller.domain.actions import Circumstances
from autonomy_controller.domain.changes import Change
from autonomy_controller.domain.sampling import Salt
from autonomy_controller.domain.state import Action, ClassState, Review
from autonomy_controller.ports import ClassesBySystem, Memory, SystemKey
from flyball.schemas.autonomy import ActionDecided, ActionRequested
from flyball.schemas.guardrails import SYSTEM_WIDE
from flyball.store.ports import Outgoing

NO_CLASSES: Mapping[str, ClassState] = {}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request with its time: append time of its record, or the arrival of its HTTP request."""

    request: ActionRequested
    now: datetime
    cause: str
    decided: ActionDecided | None = None
    """By an SDK, where one has decided already."""


class IdReused(Exception):
    """The same action id was used for another action. Nothing is decided: an id names one action for ever."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What holds for the systems of a batch."""

    classes: ClassesBySystem
    salt: Salt

    def at(self, request: ActionRequested, now: datetime) -> Circumstances:
        own, parent = self.classes[request.tenant, request.system], request.parent_system
        above = None if parent is None else self.classes.get((request.tenant, parent), NO_CLASSES)
        return Circumstances(own, above, self.salt, now)


async def surroundings(
    memory: Memory, requests: Sequence[ActionRequested], others: AbstractSet[SystemKey] = frozenset()
) -> Surroundings:
    """Own classes are held to be changed: an epoch may be new, and two who share a lock cannot both raise it."""
    systems = {(request.tenant, request.system) for request in requests} | others
    parents = {(request.tenant, request.parent_system) for request in requests if request.parent_system} - systems
    above = await memory.classes(parents) if parents else {}
    return Surroundings({**above, **await memory.classes(systems, change=True)}, await memory.salt())


async def decide_all(
    memory: Memory, asked: Sequence[Asked], others: AbstractSet[SystemKey] = frozenset()
) -> tuple[dict[str, Action], list[Outgoing]]:
    """Decide what is new, look up what is not. Returns every action by id and the facts to publish.

    ``others`` are held too: systems that the same transaction will come to. Held later they would be out of order.
    """
    firsts = {item.request.action_id: item for item in reversed(asked)}
    known = await surroundings(memory, [item.request for item in firsts.values()], others)
    known, out = await _with_epochs(memory, known, list(firsts.values()))
    new = [_decided(item, known) for item in firsts.values()]
    added = await memory.add_actions(new)
    # The rest was decided before, or by somebody else in this moment: that is the answer.
    stored = await memory.actions(firsts.keys() - added)
    opened: list[Review] = []
    for action in new:
        if action.id in added:
            stored[action.id] = action
            at = known.at(action.request, firsts[action.id].now)
            out += _facts(action, at, opened)
    await memory.save_reviews(opened)
    return stored, out


def _decided(item: Asked, known: Surroundings) -> Action:
    at = known.at(item.request, item.now)
    return actions.decide(item.request, at) if item.decided is None else actions.accept(item.request, item.decided, at)


def _facts(action: Action, at: Circumstances, opened: list[Review]) -> list[Outgoing]:
    out = [] if action.decided.decided_by == "sdk" else [facts.decided(action.decided)]
    if action.has_ended:
        out.append(facts.ended(action))
    if action.state == "waiting":
        known = at.classes.get(action.request.action_class)
        opened.append(reviews.opened(action, "approval", known, at.salt, at.now))
        out.append(facts.review(opened[-1], action))
    return [*out, facts.audit(audit.of_decision(action, at))]


async def _with_epochs(
    memory: Memory, known: Surroundings, asked: Sequence[Asked]
) -> tuple[Surroundings, list[Outgoing]]:
    """Note evidence epochs that are seen for the first time, so that their levels are published."""
    held = {key: dict(by_class) for key, by_class in known.classes.items()}
    out: list[Outgoing] = []
    changed: dict[tuple[str, str, str], ClassState] = {}
    for item in asked:
        mine = held[item.request.tenant, item.request.system]
        before = mine.get(item.request.action_class)
        if before is None or item.request.action_class == SYSTEM_WIDE:
            continue
        change = changes.seen(item.request)
        after = changes.applied(change, before, before.key, item.now)
        if after != before:
            mine[item.request.action_class] = changed[after.key] = after
            out += level_facts(before, after, change, item.cause, audit.CONTROLLER)
    await memory.save_classes(list(changed.values()))
    return Surroundings(held, known.salt), out


def level_facts(before: ClassState | None, after: ClassState, change: Change, cause: str, actor: str) -> list[Outgoing]:
    """A changed class for the SDKs and for the audit log. ``cause`` is the record, tick or command that changed it."""
    return [facts.level(after, cause), facts.audit(audit.of_level(before, after, change, cause, actor))]


def same_action(stored: Action, request: ActionRequested) -> bool:
    return stored.decided.digest == request.digest and stored.request.system == request.system
