"""console's ports on the simulated Postgres, statement by statement as their adapters."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flyball.schemas.budgets import BudgetStates
from flyball.schemas.drift import DriftReference, DriftReport
from flyball.schemas.registry import SystemRevision
from flyball.schemas.rejected import TelemetryRejected
from flyball.sim.database import MemoryDatabase
from flyball.sim.session import DELETED, Session
from flyball.sim.transaction import MemoryTransaction, insert_new

FRAGMENTS = ("systems", "budgets", "levels", "reviews", "rollouts", "incidents", "drift")
REJECTED_MAX, VERSIONS_MAX, REPORTS_MAX = 3, 3, 3
"""As console's own bounds, which are larger than a short run can fill."""
NUMBERED = ("rejected", "drift_reports")
"""Tables whose ids are unique, and whose rows are numbered as they arrive."""
ONLY_ROW = "only row"


def migrate(database: MemoryDatabase) -> None:
    """The rows that console's migrations insert."""
    database.rows("changes").update(dict.fromkeys(FRAGMENTS, 0))
    database.rows("budget_changes")[ONLY_ROW] = 0


@dataclass(frozen=True, slots=True)
class MemorySystems:
    transaction: MemoryTransaction

    async def lock(self, tenant: str, system: str) -> Sequence[SystemRevision]:
        async def opened(session: Session) -> None:
            await insert_new(session, "systems", (tenant, system), True)

        async def locked(session: Session) -> None:
            await session.lock("systems", (tenant, system))

        async def revisions(session: Session) -> Sequence[SystemRevision]:
            return [row for _, row in _of(session, "revisions", (tenant, system))]

        await self.transaction.statement(f"open {system}", opened)
        await self.transaction.statement(f"lock {system}", locked)
        return await self.transaction.statement(f"read revisions of {system}", revisions)

    async def save(self, tenant: str, system: str, revisions: Sequence[SystemRevision]) -> None:
        async def added(session: Session) -> None:
            for revision in revisions:
                await insert_new(session, "revisions", (tenant, system, revision.version), revision)

        async def trimmed(session: Session) -> None:
            await _delete(session, "revisions", (tenant, system), lambda version: version < revisions[0].version)

        await self.transaction.statement(f"add revisions of {system}", added)
        await self.transaction.statement(f"trim revisions of {system}", trimmed)


@dataclass(frozen=True, slots=True)
class MemoryRejections:
    transaction: MemoryTransaction

    async def add(self, items: Sequence[tuple[UUID, TelemetryRejected]]) -> None:
        async def added(session: Session) -> None:
            for identity, event in items:
                await _add(session, "rejected", (event.tenant, event.system), identity, event)

        await self.transaction.statement(f"add {len(items)} rejected", added)
        await _trim(self.transaction, "rejected", {(event.tenant, event.system) for _, event in items}, REJECTED_MAX)


@dataclass(frozen=True, slots=True)
class MemoryLiveBudgets:
    transaction: MemoryTransaction

    async def put(self, states: Sequence[BudgetStates]) -> None:
        if not states:
            return
        change = await self.next_change()

        async def effect(session: Session) -> None:
            for item in states:
                key = (item.tenant, item.system)
                await session.lock("budget_states", key)
                session.write("budget_states", key, (change, item))

        await self.transaction.statement(f"put {len(states)} states", effect)

    async def next_change(self) -> int:
        async def effect(session: Session) -> int:
            await session.lock("budget_changes", ONLY_ROW)
            change: int = session.read("budget_changes", ONLY_ROW) + 1
            session.write("budget_changes", ONLY_ROW, change)
            return change

        return await self.transaction.statement("next change of budgets", effect)


@dataclass(frozen=True, slots=True)
class MemoryDrift:
    transaction: MemoryTransaction

    async def put_references(self, references: Sequence[DriftReference]) -> None:
        async def effect(session: Session) -> None:
            for item in references:
                key = (item.tenant, item.system, item.version)
                await session.lock("drift_references", key)
                session.write("drift_references", key, item)

        await self.transaction.statement(f"put {len(references)} references", effect)
        systems = {(item.tenant, item.system) for item in references}
        await _trim(self.transaction, "drift_references", systems, VERSIONS_MAX)

    async def add_reports(self, reports: Sequence[tuple[UUID, DriftReport]]) -> None:
        async def effect(session: Session) -> None:
            for identity, item in reports:
                await _add(session, "drift_reports", (item.tenant, item.system, item.feature), identity, item)

        await self.transaction.statement(f"add {len(reports)} reports", effect)
        features = {(item.tenant, item.system, item.feature) for _, item in reports}
        await _trim(self.transaction, "drift_reports", features, REPORTS_MAX)


@dataclass(frozen=True, slots=True)
class MemoryChanges:
    transaction: MemoryTransaction

    async def note(self, fragment: str) -> None:
        await self.transaction.change("changes", fragment, lambda last: last + 1)


async def _add(session: Session, table: str, owner: tuple[str, ...], identity: UUID, item: Any) -> None:
    """INSERT ON CONFLICT (id) DO NOTHING, numbered by arrival: the last part of a key is its number."""
    number = session.database.next_outbox_id()
    if await insert_new(session, f"{table}_ids", identity, number):
        session.write(table, (*owner, number), (identity, item))


async def _trim(transaction: MemoryTransaction, table: str, owners: Iterable[tuple[str, ...]], rows_max: int) -> None:
    """One statement each: all but the ``rows_max`` last."""
    for owner in sorted(owners):

        async def effect(session: Session, owner: tuple[str, ...] = owner) -> None:
            numbers = [number for number, _ in _of(session, table, owner)]
            over = set(numbers[: max(0, len(numbers) - rows_max)])
            await _delete(session, table, owner, lambda number: number in over)

        await transaction.statement(f"trim {table} of {owner}", effect)


async def _delete(session: Session, table: str, owner: tuple[str, ...], is_over: Callable[[int], bool]) -> None:
    for number, row in _of(session, table, owner):
        if not is_over(number):
            continue
        await session.lock(table, (*owner, number))
        session.write(table, (*owner, number), DELETED)
        if table in NUMBERED:
            session.write(f"{table}_ids", row[0], DELETED)


def _of(session: Session, table: str, owner: tuple[str, ...]) -> list[tuple[int, Any]]:
    """Rows of one owner, in the order of the last part of their keys."""
    return sorted((key[-1], row) for key, row in session.table(table).items() if key[:-1] == owner)
