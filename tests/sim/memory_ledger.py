"""budget-ledger's port on the simulated Postgres, statement by statement as ``PostgresLedger`` has them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from budget_ledger.domain.batch import Needs, SystemKey
from budget_ledger.domain.budget import Book, Budget, Minute, Sums
from budget_ledger.domain.decide import HOUR
from budget_ledger.domain.entries import BudgetId, Chain, Entry
from budget_ledger.domain.policy import DIMENSIONS
from flyball.schemas.registry import AVAILABILITY, SystemRegistered, SystemRevision
from flyball.sim.session import DELETED, Session
from flyball.sim.transaction import MemoryTransaction, insert


@dataclass(frozen=True, slots=True)
class MemoryLedger:
    transaction: MemoryTransaction

    async def register(self, event: SystemRegistered) -> None:
        await self.transaction.put("systems", (event.tenant, event.system), event.revisions)

    async def revisions(self, systems: Collection[SystemKey]) -> Mapping[SystemKey, Sequence[SystemRevision]]:
        async def effect(session: Session) -> Mapping[SystemKey, Sequence[SystemRevision]]:
            return {key: found for key in sorted(systems) if (found := session.read("systems", key)) is not None}

        return await self.transaction.statement("read revisions", effect)

    async def lock_books(self, needs: Needs) -> Mapping[BudgetId, Book]:
        keys = [BudgetId(*system, dimension) for system in sorted(needs.due_before) for dimension in DIMENSIONS]
        await self.transaction.statement("open budgets", lambda session: _open(session, keys))
        budgets = await self.transaction.statement("lock budgets", lambda session: _locked(session, keys))
        hours = await self.transaction.statement("read hours", lambda session: _hours(session, needs))
        minutes = await self.transaction.statement("read minutes", lambda session: _minutes(session, needs))
        return {
            key: Book(budget, hours.get(key, {}), minutes.get(key, {}))
            for key, budget in zip(keys, budgets, strict=True)
        }

    async def save(
        self, before: Mapping[BudgetId, Book], after: Mapping[BudgetId, Book], entries: Sequence[Entry]
    ) -> None:
        await self.transaction.statement("save budgets", lambda session: _save_budgets(session, after))
        await self.transaction.statement("append entries", lambda session: _append(session, entries))
        await self.transaction.statement("save hours", lambda session: _save_hours(session, before, after))
        await self.transaction.statement("save minutes", lambda session: _save_minutes(session, before, after))


async def _open(session: Session, keys: Sequence[BudgetId]) -> None:
    for key in keys:
        if session.read("budgets", key) is None:
            await session.lock("budgets", key)
        if session.read("budgets", key) is None:
            session.write("budgets", key, Budget(Chain(key)))


async def _locked(session: Session, keys: Sequence[BudgetId]) -> list[Budget]:
    for key in sorted(keys):
        await session.lock("budgets", key)
    return [session.read("budgets", key) for key in keys]


async def _hours(session: Session, needs: Needs) -> dict[BudgetId, dict[datetime, Sums]]:
    found: dict[BudgetId, dict[datetime, Sums]] = {}
    for (budget, hour), sums in session.table("hours").items():
        due = needs.due_before.get((budget.tenant, budget.system))
        if due is not None and (hour < due or hour in needs.hours):
            found.setdefault(budget, {})[hour] = sums
    return found


async def _minutes(session: Session, needs: Needs) -> dict[BudgetId, dict[datetime, Minute]]:
    found: dict[BudgetId, dict[datetime, Minute]] = {}
    for (tenant, system, at), minute in session.table("minutes").items():
        if (tenant, system) in needs.due_before and at in needs.minutes:
            found.setdefault(BudgetId(tenant, system, AVAILABILITY), {})[at] = minute
    return found


async def _save_budgets(session: Session, after: Mapping[BudgetId, Book]) -> None:
    for key, book in after.items():
        session.write("budgets", key, book.budget)


async def _append(session: Session, entries: Sequence[Entry]) -> None:
    for entry in entries:
        await insert(session, "entries", (entry.budget, entry.sequence), entry)


async def _save_hours(session: Session, before: Mapping[BudgetId, Book], after: Mapping[BudgetId, Book]) -> None:
    for key, book in after.items():
        for hour, sums in book.hours.items():
            session.write("hours", (key, hour), sums)
        for hour in sorted(before[key].hours.keys() - book.hours.keys()):
            session.write("hours", (key, hour), DELETED)
            if key.dimension == AVAILABILITY:
                _drop_minutes(session, key, hour)


def _drop_minutes(session: Session, key: BudgetId, hour: datetime) -> None:
    for tenant, system, at in list(session.table("minutes")):
        if (tenant, system) == (key.tenant, key.system) and hour <= at < hour + HOUR:
            session.write("minutes", (tenant, system, at), DELETED)


async def _save_minutes(session: Session, before: Mapping[BudgetId, Book], after: Mapping[BudgetId, Book]) -> None:
    for key, book in after.items():
        for at, minute in book.minutes.items():
            if minute != before[key].minutes.get(at):
                session.write("minutes", (key.tenant, key.system, at), minute)


def entries_by_budget(rows: Mapping[Any, Entry]) -> dict[BudgetId, list[Entry]]:
    """The chains, each from its start."""
    chains: dict[BudgetId, list[Entry]] = {}
    for key in sorted(rows):
        chains.setdefault(rows[key].budget, []).append(rows[key])
    return chains
