"""rollback-executor's ports on the simulated Postgres, statement by statement as ``PostgresRollouts`` has them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from flyball.schemas.budgets import BudgetStates
from flyball.schemas.registry import SystemRegistered
from flyball.schemas.rollouts import RolloutChanged
from flyball.schemas.summaries import TelemetrySummary
from flyball.sim.database import MemoryDatabase
from flyball.sim.session import Session
from flyball.sim.transaction import MemoryTransaction, insert
from rollback_executor.domain.facts import Fact, Intent, RolledBackByItself
from rollback_executor.domain.inputs import Input
from rollback_executor.domain.rollout import Pointer, Rollout, is_watched
from rollback_executor.ports import Order, System, SystemKey, TargetName, Tracked

ORDERS_MAX = 20


@dataclass(frozen=True, slots=True)
class Row:
    """``rollouts``"""

    number: int
    opening: Rollout
    tracked: Tracked
    watched: bool

    @property
    def target(self) -> TargetName:
        return target_of(self.tracked.rollout)


@dataclass(frozen=True, slots=True)
class Effect:
    """``effects``: the intent, and the receipt once there is one."""

    token: Pointer
    next_try_at: datetime
    attempts: int = 0
    outcome: str | None = None


@dataclass(frozen=True, slots=True)
class MemoryRollouts:
    transaction: MemoryTransaction

    async def register(self, event: SystemRegistered) -> None:
        await self._change_system((event.tenant, event.system), revisions=event.revisions)

    async def keep_budgets(self, event: BudgetStates) -> BudgetStates | None:
        key = (event.tenant, event.system)
        before = (await self.system(key)).budgets
        await self._change_system(key, budgets=event)
        return before

    async def count_traffic(self, summaries: Sequence[TelemetrySummary]) -> None:
        """Only for advice, which no decision reads."""

    async def watched(self, systems: Collection[SystemKey]) -> Mapping[SystemKey, Sequence[Tracked]]:
        keys = await self.transaction.statement("lock watched", lambda session: _locked(session, sorted(systems)))
        if not keys:
            return {}
        rows = await self.transaction.statement("read watched", _rows)
        found: dict[SystemKey, list[Tracked]] = {}
        for row in rows:
            key = (row.tracked.rollout.tenant, row.tracked.rollout.system)
            if row.watched and key in systems:
                found.setdefault(key, []).append(row.tracked)
        return found

    async def system(self, key: SystemKey) -> System:
        await self.transaction.statement(f"open {key}", lambda session: _opened(session, key))
        found: System = await self.transaction.get("systems", key, lock=True)
        return found

    async def requests_per_second(self, key: SystemKey, at: datetime) -> float | None:
        del key, at
        return None

    async def last_epoch(self, name: TargetName) -> int:
        return await self.transaction.get("targets", name) or 0

    async def find(self, rollout_id: str) -> Tracked | None:
        row: Row | None = await self.transaction.get("rollouts", rollout_id)
        return row.tracked if row else None

    async def newest(self, name: TargetName) -> Tracked | None:
        rows = await self.transaction.statement("read newest", _rows)
        mine = [row.tracked for row in rows if row.target == name]
        return mine[-1] if mine else None

    async def earlier_releases(self, name: TargetName) -> Sequence[str]:
        del name
        return ()

    async def open_rollout(self, opening: Tracked, facts: Sequence[Fact]) -> None:
        await self.transaction.statement("open rollout", lambda session: _open(session, opening))
        await self._save_facts(opening.rollout, facts)

    async def save(self, after: Tracked, inputs: Sequence[Input], facts: Sequence[Fact], at: datetime) -> None:
        await self.transaction.statement("save rollout", lambda session: _save(session, after, inputs, at))
        await self._save_facts(after.rollout, facts)

    async def settle(self, order: Order, outcome: str, detail: str, at: datetime) -> None:
        del detail, at
        key = (order.rollout_id, order.epoch, order.step)
        await self.transaction.change("effects", key, lambda effect: replace(effect, outcome=outcome))

    async def _change_system(self, key: SystemKey, **fields: Any) -> None:
        await self.transaction.change("systems", key, lambda known: replace(known or System((), None, None), **fields))

    async def _save_facts(self, rollout: Rollout, facts: Sequence[Fact]) -> None:
        for fact in facts:
            if isinstance(fact, RolloutChanged):
                await self.transaction.add("changes", (rollout.id, fact.version), fact)
            elif isinstance(fact, Intent):
                await self.transaction.statement("intent", lambda session, fact=fact: _intent(session, rollout, fact))
            elif isinstance(fact, RolledBackByItself):
                await self._change_system((rollout.tenant, rollout.system), automatic_rollback_at=fact.at)


@dataclass(frozen=True, slots=True)
class MemoryQueue:
    """``PostgresQueue``, with the same doubling pause."""

    database: MemoryDatabase
    pause: timedelta

    async def watched_systems(self) -> Sequence[SystemKey]:
        async with self.database.transaction() as transaction:
            rows = await transaction.statement("watched systems", _rows)
        found = [row.tracked.rollout for row in rows if row.watched]
        return sorted({(rollout.tenant, rollout.system) for rollout in found})

    async def forget_traffic(self, at: datetime) -> None:
        """There is none."""

    async def claim_orders(self, at: datetime) -> Sequence[Order]:
        async with self.database.transaction() as transaction:
            return await transaction.statement("claim orders", lambda session: _claimed(session, at, self.pause))


def target_of(rollout: Rollout) -> TargetName:
    return TargetName(rollout.tenant, rollout.system, rollout.environment)


async def _opened(session: Session, key: SystemKey) -> None:
    if session.read("systems", key) is None:
        await session.lock("systems", key)
    if session.read("systems", key) is None:
        session.write("systems", key, System((), None, None))


async def _locked(session: Session, keys: Sequence[SystemKey]) -> list[SystemKey]:
    watched = {(row.tracked.rollout.tenant, row.tracked.rollout.system) for row in await _rows(session) if row.watched}
    found = [key for key in keys if key in watched]
    for key in found:
        await session.lock("systems", key)
    return found


async def _rows(session: Session) -> list[Row]:
    return sorted(session.table("rollouts").values(), key=lambda row: row.number)


async def _open(session: Session, opening: Tracked) -> None:
    rows = await _rows(session)
    target = target_of(opening.rollout)
    for row in rows:
        if row.target == target:
            session.write("rollouts", row.tracked.rollout.id, replace(row, watched=False))
            # The unique index of the real table.
            if row.tracked.rollout.is_open:
                raise AssertionError(f"{target} has two open rollouts: {row.tracked.rollout.id}, {opening.rollout.id}")
    await insert(session, "rollouts", opening.rollout.id, Row(len(rows) + 1, opening.rollout, opening, watched=True))


async def _save(session: Session, after: Tracked, inputs: Sequence[Input], at: datetime) -> None:
    rollout = after.rollout
    for number, given in enumerate(inputs, rollout.sequence - len(inputs) + 1):
        await insert(session, "inputs", (rollout.id, number), given)
    row: Row = session.read("rollouts", rollout.id)
    watched = is_watched(rollout, after.policy, at)
    session.write("rollouts", rollout.id, replace(row, tracked=after, watched=watched))


async def _intent(session: Session, rollout: Rollout, intent: Intent) -> None:
    target = target_of(rollout)
    session.write("targets", target, max(session.read("targets", target) or 0, intent.epoch))
    for key in sorted(session.table("effects")):
        if key[0] == rollout.id and key[1] < intent.epoch:
            await session.lock("effects", key)
            effect = session.read("effects", key)
            if effect.outcome is None:
                session.write("effects", key, replace(effect, outcome="superseded"))
    key = (rollout.id, intent.epoch, intent.step)
    if session.read("effects", key) is None:
        session.write("effects", key, Effect(intent.token, session.database.world.now()))


async def _claimed(session: Session, at: datetime, pause: timedelta) -> list[Order]:
    due = [
        (key, effect)
        for key, effect in session.table("effects").items()
        if effect.outcome is None and effect.next_try_at <= at
    ]
    found = []
    for key, effect in sorted(due, key=lambda one: one[0])[:ORDERS_MAX]:
        if not session.database.locks.try_acquire(session, ("effects", key)):
            continue
        attempts = effect.attempts + 1
        later = at + pause * min(2**effect.attempts, 10)
        session.write("effects", key, replace(effect, attempts=attempts, next_try_at=later))
        rollout = session.read("rollouts", key[0]).tracked.rollout
        found.append(Order(key[0], target_of(rollout), rollout.adapter, key[1], key[2], effect.token, attempts))
    return found
