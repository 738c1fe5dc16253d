"""The ledger in Postgres."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from pydantic import TypeAdapter

from budget_ledger.adapters import rows
from budget_ledger.domain.batch import Needs, SystemKey
from budget_ledger.domain.budget import Book, Budget, Minute, Sums
from budget_ledger.domain.entries import BudgetId, Chain, Entry
from budget_ledger.domain.policy import DIMENSIONS
from flyball.schemas.registry import AVAILABILITY, SystemRegistered, SystemRevision
from flyball.store.postgres import PostgresTransaction

REVISIONS = TypeAdapter(tuple[SystemRevision, ...])
SYSTEMS = "JOIN unnest($1::text[], $2::text[]) AS n (tenant, system) USING (tenant, system)"
OPEN = """
INSERT INTO budgets VALUES ($1, $2, $3, 0, $4, 0, 0, 0, 0, '{0,0,0,0,0,0,0}', 'no_data', NULL, NULL, 0)
ON CONFLICT DO NOTHING
"""
LOCK = f"SELECT budgets.* FROM budgets {SYSTEMS} ORDER BY tenant, system, dimension FOR UPDATE OF budgets"
HOURS = """
WITH n AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[]) AS n (tenant, system, due)
    CROSS JOIN unnest($5::text[]) AS dimension
)
SELECT hours.* FROM n JOIN hours USING (tenant, system, dimension) WHERE hours.hour < n.due
UNION
SELECT hours.* FROM n JOIN hours USING (tenant, system, dimension) WHERE hours.hour = ANY($4::timestamptz[])
"""
MINUTES = f"SELECT minutes.* FROM minutes {SYSTEMS} WHERE minute = ANY($3::timestamptz[])"
UPDATE = """
UPDATE budgets SET sequence = $4, hash = $5, source = $6, available = $7, burned = $8, expired = $9, sums = $10,
    zone = $11, zone_since = $12, improving_since = $13, policy_version = $14
WHERE tenant = $1 AND system = $2 AND dimension = $3
"""
PUT_HOUR = """
INSERT INTO hours VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (tenant, system, dimension, hour) DO UPDATE SET sums = excluded.sums
"""
PUT_MINUTE = """
INSERT INTO minutes VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (tenant, system, minute) DO UPDATE SET good = excluded.good, bad = excluded.bad, booked = excluded.booked
"""
DROP_HOUR = "DELETE FROM hours WHERE tenant = $1 AND system = $2 AND dimension = $3 AND hour = $4"
DROP_MINUTES = (
    "DELETE FROM minutes WHERE tenant = $1 AND system = $2 AND minute >= $3 AND minute < $3 + interval '1 hour'"
)


@dataclass(frozen=True, slots=True)
class PostgresLedger:
    transaction: PostgresTransaction

    async def register(self, event: SystemRegistered) -> None:
        await self._connection.execute(
            "INSERT INTO systems VALUES ($1, $2, $3)"
            " ON CONFLICT (tenant, system) DO UPDATE SET revisions = excluded.revisions",
            event.tenant,
            event.system,
            REVISIONS.dump_json(event.revisions).decode(),
        )

    async def revisions(self, systems: Collection[SystemKey]) -> Mapping[SystemKey, Sequence[SystemRevision]]:
        found = await self._connection.fetch(
            f"SELECT tenant, system, revisions FROM systems {SYSTEMS}", *_columns(systems)
        )
        return {(row["tenant"], row["system"]): REVISIONS.validate_json(row["revisions"]) for row in found}

    async def lock_books(self, needs: Needs) -> Mapping[BudgetId, Book]:
        await self._open(sorted(needs.due_before))
        tenants, systems = _columns(needs.due_before)
        locked = await self._connection.fetch(LOCK, tenants, systems)
        hours = await self._connection.fetch(
            HOURS,
            tenants,
            systems,
            [needs.due_before[key] for key in sorted(needs.due_before)],
            list(needs.hours),
            list(DIMENSIONS),
        )
        minutes = await self._connection.fetch(MINUTES, tenants, systems, list(needs.minutes))
        return _books(locked, hours, minutes)

    async def save(
        self, before: Mapping[BudgetId, Book], after: Mapping[BudgetId, Book], entries: Sequence[Entry]
    ) -> None:
        changed = [book.budget for key, book in after.items() if book.budget != before[key].budget]
        await self._connection.executemany(UPDATE, [_budget_row(budget) for budget in changed])
        await self._connection.copy_records_to_table(
            "entries", records=[rows.entry_row(entry) for entry in entries], columns=rows.ENTRY_COLUMNS
        )
        for key, book in after.items():
            await self._save_hours(key, before[key].hours, book.hours)
            await self._save_minutes(key, before[key].minutes, book.minutes)

    async def _save_hours(self, key: BudgetId, before: Mapping[datetime, Sums], after: Mapping[datetime, Sums]) -> None:
        put = [(*astuple(key), hour, _numeric(sums)) for hour, sums in after.items() if sums != before.get(hour)]
        await self._connection.executemany(PUT_HOUR, put)
        gone = sorted(before.keys() - after.keys())
        await self._connection.executemany(DROP_HOUR, [(*astuple(key), hour) for hour in gone])
        if key.dimension == AVAILABILITY:
            await self._connection.executemany(DROP_MINUTES, [(key.tenant, key.system, hour) for hour in gone])

    async def _save_minutes(
        self, key: BudgetId, before: Mapping[datetime, Minute], after: Mapping[datetime, Minute]
    ) -> None:
        put = [
            (key.tenant, key.system, at, minute.good, minute.bad, minute.booked)
            for at, minute in after.items()
            if minute != before.get(at)
        ]
        await self._connection.executemany(PUT_MINUTE, put)

    async def _open(self, systems: Sequence[SystemKey]) -> None:
        new = [
            (tenant, system, dimension, Chain(BudgetId(tenant, system, dimension)).hash)
            for tenant, system in systems
            for dimension in DIMENSIONS
        ]
        await self._connection.executemany(OPEN, new)

    @property
    def _connection(self) -> Any:
        return self.transaction.connection


def _columns(systems: Collection[SystemKey]) -> tuple[list[str], list[str]]:
    ordered = sorted(systems)
    return [tenant for tenant, _ in ordered], [system for _, system in ordered]


def _books(locked: Sequence[Any], hours: Sequence[Any], minutes: Sequence[Any]) -> dict[BudgetId, Book]:
    books = {budget.id: Book(budget, {}, {}) for budget in map(rows.budget_of, locked)}
    by_hour: dict[BudgetId, dict[datetime, Sums]] = {key: {} for key in books}
    for row in hours:
        by_hour[rows.id_of(row)][row["hour"]] = rows.sums_of(row["sums"])
    by_minute: dict[BudgetId, dict[datetime, Minute]] = {key: {} for key in books}
    for row in minutes:
        key = BudgetId(row["tenant"], row["system"], AVAILABILITY)
        by_minute[key][row["minute"]] = Minute(row["good"], row["bad"], row["booked"])
    return {key: Book(book.budget, by_hour[key], by_minute[key]) for key, book in books.items()}


def _numeric(sums: Sums) -> list[Decimal]:
    return [Decimal(value) for value in astuple(sums)]


def _budget_row(budget: Budget) -> tuple[Any, ...]:
    return (
        *astuple(budget.id),
        budget.chain.sequence,
        budget.chain.hash,
        *astuple(budget.balances),
        _numeric(budget.window),
        budget.zone,
        budget.zone_since,
        budget.improving_since,
        budget.policy_version,
    )
