"""What people and agents ask for over HTTP, each in one transaction; ``now`` is the arrival of the request."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic

from autonomy_controller import facts
from autonomy_controller.deciding import Asked, IdReused, decide_all, level_facts, same_action, surroundings
from autonomy_controller.domain import actions, audit, changes, classes, reviews
from autonomy_controller.domain.actions import StartRefusal
from autonomy_controller.domain.state import Action, ClassState, Judgment, Review, Verdict
from autonomy_controller.ports import Memory, SystemKey
from autonomy_controller.service import report
from flyball.schemas.autonomy import ActionReported, ActionRequested, End
from flyball.schemas.guardrails import SYSTEM_WIDE
from flyball.store.ports import Database, Outgoing, Tx

HOUR = timedelta(hours=1)


class TooManyReviews(Exception):
    """The reviewer has given as many verdicts as one person can give with care in an hour."""


class NotFound(Exception):
    """There is no such thing; the text says which."""


@dataclass(frozen=True, slots=True)
class Commands(Generic[Tx]):
    database: Database[Tx]
    memory: Callable[[Tx], Memory]

    async def decide(self, request: ActionRequested, now: datetime) -> Action:
        """The stored answer, whether it was decided now or before. Raises ``IdReused``."""
        async with self.database.transaction() as transaction:
            stored, out = await decide_all(self.memory(transaction), [Asked(request, now, f"http {request.action_id}")])
            await transaction.enqueue(out)
        if not same_action(stored[request.action_id], request):
            raise IdReused(request.action_id)
        return stored[request.action_id]

    async def start(self, action_id: str, digest: str, policy_version: int, now: datetime) -> StartRefusal | Action:
        """Consume the permission and start, or say why not. At most one call ever starts an action."""
        async with self.database.transaction() as transaction:
            memory = self.memory(transaction)
            # Classes are locked before actions, as everywhere, and only the action says which.
            action = await memory.peek(action_id)
            if action is None:
                return "not_found"
            known = await surroundings(memory, [action.request])
            action = (await memory.actions({action_id}))[action_id]
            at = known.at(action.request, now)
            refusal = actions.may_start(action, digest, policy_version, at)
            if refusal is None:
                action = actions.started(action, at.spec_of(action.request.action_class), now)
                await memory.save_actions([action])
                await transaction.enqueue(await self._consumed(memory, action, now))
            elif refusal == "cancelled" and not action.has_ended:
                await transaction.enqueue(await end(memory, action, "denied", "stopped before its start", now))
        return refusal or action

    async def report(self, event: ActionReported, now: datetime) -> Action:
        async with self.database.transaction() as transaction:
            memory = self.memory(transaction)
            before = (await memory.actions({event.action_id})).get(event.action_id)
            if before is None or before.request.system != event.system:
                raise NotFound(f"no action {event.action_id} of {event.system}")
            ended, out = await report(memory, before, event, now)
            await memory.save_actions([ended] if ended else [])
            await transaction.enqueue(out)
        return ended or before

    async def kill(
        self, key: SystemKey, action_class: str | None, person: str, reason: str, now: datetime
    ) -> list[ClassState]:
        """Stop a class, or all of them: nothing starts any more, and what waited for people is denied."""
        async with self.database.transaction() as transaction:
            memory = self.memory(transaction)
            before = (await memory.classes({key}, change=True))[key]
            names = {action_class} if action_class else {*before, SYSTEM_WIDE}
            change = changes.Killed(reason=f"killed: {reason}")
            stopped = [changes.applied(change, before.get(name), (*key, name), now) for name in sorted(names)]
            await memory.save_classes(stopped)
            out: list[Outgoing] = []
            for state in stopped:
                was = before.get(state.control.action_class)
                out += level_facts(was, state, change, f"kill {now.isoformat()}", person)
            for action in await memory.open_actions(key, action_class):
                out += await end(memory, action, "denied", f"killed by {person}: {reason}", now)
            await transaction.enqueue(out)
        return stopped

    async def release(self, key: SystemKey, action_class: str | None, person: str, now: datetime) -> list[ClassState]:
        """One person's consent to end a kill; another one's ends it. Raises ``NotFound``."""
        async with self.database.transaction() as transaction:
            memory = self.memory(transaction)
            before = (await memory.classes({key}, change=True))[key]
            held = [s for n, s in sorted(before.items()) if s.control.latched and action_class in (None, n)]
            if not held:
                raise NotFound(f"nothing of {key[1]} is latched")
            open_ = [state for state in held if not classes.has_released(state, person)]
            change = changes.Released(person=person)
            after = [changes.applied(change, state, state.key, now) for state in open_]
            await memory.save_classes(after)
            for was, state in zip(open_, after, strict=True):
                cause = f"release {now.isoformat()}"
                await transaction.enqueue(level_facts(was, state, change, cause, person))
        return after or held

    async def demote(
        self, key: SystemKey, action_class: str | None, change: changes.Lowered, now: datetime
    ) -> list[ClassState]:
        """Lower a class, or all of them; one that is as low already stays as it is. Raises ``NotFound``."""
        async with self.database.transaction() as transaction:
            memory = self.memory(transaction)
            before = (await memory.classes({key}, change=True))[key]
            named = {name: state for name, state in sorted(before.items()) if action_class in (None, name)}
            if not named:
                raise NotFound(f"no class {action_class or 'at all'} of {key[1]} is known")
            after = {name: changes.applied(change, state, state.key, now) for name, state in named.items()}
            moved = {name: state for name, state in after.items() if state != named[name]}
            await memory.save_classes(list(moved.values()))
            out: list[Outgoing] = []
            for name, state in moved.items():
                out += level_facts(named[name], state, change, f"demotion {now.isoformat()}", change.person)
            await transaction.enqueue(out)
        return list(after.values())

    async def claim(self, review_id: str, reviewer: str, now: datetime) -> tuple[Review, Action]:
        return await self._on_review(review_id, lambda review: reviews.claimed(review, reviewer, now), now)

    async def judge(self, review_id: str, judgment: Judgment) -> tuple[Review, Action]:
        return await self._on_review(review_id, lambda review: reviews.judged(review, judgment), judgment.at)

    async def verdict(self, review_id: str, verdict: Verdict) -> tuple[Review, Action]:
        """Raises ``Refused`` with what stands, ``TooManyReviews``, ``NotFound``."""
        return await self._on_review(review_id, lambda review: reviews.decided(review, verdict), verdict.at, verdict)

    async def _on_review(
        self, review_id: str, act: Callable[[Review], Review], now: datetime, verdict: Verdict | None = None
    ) -> tuple[Review, Action]:
        async with self.database.transaction() as transaction:
            memory = self.memory(transaction)
            action = await memory.action_of_review(review_id)
            review = (await memory.reviews({review_id})).get(review_id)
            if action is None or review is None:
                raise NotFound(f"no review {review_id}")
            after = act(review)
            if verdict and await memory.verdicts_since(verdict.reviewer, now - HOUR) >= reviews.REVIEWS_AN_HOUR_MAX:
                raise TooManyReviews(verdict.reviewer)
            await memory.save_reviews([after])
            out = [facts.review(after, action)]
            if verdict is not None:
                out.append(facts.audit(audit.of_review(review, after, verdict)))
                out += await self._resolved(memory, after, action, now)
            await transaction.enqueue(out)
        return after, action

    async def _resolved(self, memory: Memory, review: Review, action: Action, now: datetime) -> list[Outgoing]:
        """What a verdict means for the action: it may start, or it never will."""
        if review.kind == "audit" or review.state != "resolved" or action.state != "waiting":
            return []
        if review.resolution == "approve":
            approved = actions.waits_until(action, "approved", review.valid_until)
            await memory.save_actions([approved])
            return []
        last = review.verdicts[-1]
        done = actions.ended(action, "denied", f"{review.resolution} by {last.reviewer}: {last.comment}", now)
        await memory.save_actions([done])
        return [facts.ended(done)]

    async def _consumed(self, memory: Memory, action: Action, now: datetime) -> list[Outgoing]:
        if action.decided.review_id is None:
            return []
        found = (await memory.reviews({action.decided.review_id}))[action.decided.review_id]
        used = reviews.closed(found, "consumed", now)
        await memory.save_reviews([used])
        return [facts.review(used, action)]


async def end(memory: Memory, action: Action, how: End, detail: str, now: datetime) -> list[Outgoing]:
    """End an action that has not ended, and its open review with it."""
    done = actions.ended(action, how, detail, now)
    await memory.save_actions([done])
    out = [facts.ended(done)]
    review_id = action.decided.review_id
    found = (await memory.reviews({review_id})).get(review_id) if review_id else None
    if found is not None and found.is_open:
        closed = reviews.closed(found, "expired" if how == "expired" else "cancelled", now)
        await memory.save_reviews([closed])
        out.append(facts.review(closed, done))
    return out
