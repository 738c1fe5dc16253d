"""A long past for the ledger: chained entries made by its own domain code, for the measured budgets and for others."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import asyncpg

from budget_ledger.adapters.postgres import PostgresLedger
from budget_ledger.domain.batch import Needs
from budget_ledger.domain.budget import WEIGHT_UNIT, Book, Sums
from budget_ledger.domain.decide import HOUR, hour_of
from budget_ledger.domain.entries import AVAILABLE, GRANT, SOURCE, BudgetId, Circumstances, Entry, Posting
from flyball.schemas.base import DEFAULT_TENANT
from flyball.schemas.registry import PERFORMANCE
from flyball.store.postgres import PostgresTransaction

POINTS = 50_000
HOURS = 480
"""Twenty days, all inside the window."""
ONE = Sums(granted=POINTS, events=1, weight=1_000, squared_weight=1_000_000)
EVER = datetime(1, 1, 1, tzinfo=UTC)


async def write_history(dsn: str, systems: Sequence[str], entries: int) -> None:
    """Append ``entries`` entries, evenly, to the performance budgets of ``systems``."""
    connection = await asyncpg.connect(dsn, server_settings={"search_path": "budget_ledger"})
    try:
        for number, system in enumerate(systems):
            share = entries // len(systems) + (number < entries % len(systems))
            await _write(connection, system, share)
        await connection.execute("ANALYZE")
    finally:
        await connection.close()


async def _write(connection: asyncpg.Connection, system: str, entries: int) -> None:
    key = BudgetId(DEFAULT_TENANT, system, PERFORMANCE)
    async with connection.transaction():
        ledger = PostgresLedger(PostgresTransaction(connection))
        before = await ledger.lock_books(Needs({(DEFAULT_TENANT, system): EVER}, frozenset(), frozenset()))
        after, written = _with_past(before[key], entries)
        await ledger.save(before, {**before, key: after}, written)


def _with_past(book: Book, entries: int) -> tuple[Book, list[Entry]]:
    written: list[Entry] = []
    first = hour_of(datetime.now(UTC)) - HOURS * HOUR
    for number in range(HOURS):
        share = entries // HOURS + (number < entries % HOURS)
        if share:
            hour = first + number * HOUR
            posting = Posting(GRANT, SOURCE, AVAILABLE, POINTS, 1)
            circumstances = Circumstances(f"history-{number}", "1.0.0", hour, hour + timedelta(minutes=1), 0)
            book, posted = book.post([posting] * share, circumstances)
            book = book.add(hour, _times(share))
            written += posted
    return book, written


def _times(count: int) -> Sums:
    return Sums(
        granted=ONE.granted * count,
        events=count,
        weight=WEIGHT_UNIT // 1_000_000 * count,
        squared_weight=(WEIGHT_UNIT // 1_000_000) ** 2 * count,
    )


async def broken_links(dsn: str) -> Mapping[str, int]:
    """Entries that do not follow from the one before, and budgets whose head is not their last entry."""
    connection = await asyncpg.connect(dsn, server_settings={"search_path": "budget_ledger"})
    try:
        links = await connection.fetchval(LINKS)
        heads = await connection.fetchval(HEADS)
        return {"entries": links, "heads": heads}
    finally:
        await connection.close()


async def entries_in(dsn: str) -> int:
    connection = await asyncpg.connect(dsn)
    try:
        return int(await connection.fetchval("SELECT count(*) FROM budget_ledger.entries"))
    finally:
        await connection.close()


LINKS = """
SELECT count(*) FROM (
    SELECT previous_hash, lag(hash, 1, repeat('0', 64)) OVER (PARTITION BY tenant, system, dimension ORDER BY sequence)
        AS expected FROM entries
) AS chained WHERE previous_hash <> expected
"""
HEADS = """
SELECT count(*) FROM budgets LEFT JOIN entries USING (tenant, system, dimension, sequence)
WHERE sequence > 0 AND budgets.hash IS DISTINCT FROM entries.hash
"""
