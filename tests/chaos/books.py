"""What the services have in Postgres, read from outside and checked by itself."""

import json
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import asyncpg

ACCOUNTS = ("source", "available", "burned", "expired")
GENESIS = "0" * 64
# What tells two postings of one summary to one budget apart.
MADE_ONCE = ("cause", "kind", "debit", "effective_at", "evaluator", "sampling_ppm")
BudgetKey = tuple[str, str, str]
"""Tenant, system and dimension."""


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(dsn, timeout=10, command_timeout=60)
    try:
        yield connection
    finally:
        await connection.close()


@dataclass(frozen=True, slots=True)
class Books:
    """All budgets and all entries, as plain mappings."""

    budgets: list[Mapping[str, Any]]
    entries: list[Mapping[str, Any]]


async def read_books(dsn: str) -> Books:
    """The ledger, in the order of its keys."""
    async with connected(dsn) as connection:
        budgets = await connection.fetch("SELECT * FROM budget_ledger.budgets ORDER BY tenant, system, dimension")
        entries = await connection.fetch(
            "SELECT * FROM budget_ledger.entries ORDER BY tenant, system, dimension, sequence"
        )
    return Books([dict(row) for row in budgets], [dict(row) for row in entries])


async def read_totals(dsn: str) -> dict[str, tuple[int, int, int, int]]:
    """Counted, duplicates, rejected and late by system."""
    async with connected(dsn) as connection:
        rows = await connection.fetch(
            "SELECT system, counted, duplicates, rejected, late FROM telemetry_ingest.totals ORDER BY system"
        )
    return {row["system"]: tuple(row)[1:] for row in rows}


async def positions(dsn: str, schema: str, topic: str) -> dict[int, int]:
    """Next offset by partition."""
    async with connected(dsn) as connection:
        rows = await connection.fetch(
            f"SELECT partition, next_offset FROM {schema}.positions WHERE topic = $1 AND consumer = $2",
            topic,
            schema.replace("_", "-"),
        )
    return {row["partition"]: row["next_offset"] for row in rows}


async def waiting(dsn: str, schema: str) -> int:
    """Rows in the outbox."""
    async with connected(dsn) as connection:
        return int(await connection.fetchval(f"SELECT count(*) FROM {schema}.outbox"))


def key_of(row: Mapping[str, Any]) -> BudgetKey:
    return row["tenant"], row["system"], row["dimension"]


def broken_links(books: Books) -> list[str]:
    """Where a chain is not what its entries and its budget say; empty when every hash holds."""
    flaws = []
    heads: dict[BudgetKey, tuple[int, str]] = {}
    for entry in books.entries:
        key = key_of(entry)
        sequence, head = heads.get(key, (0, GENESIS))
        good = entry["sequence"] == sequence + 1 and entry["previous_hash"] == head and entry["hash"] == _hash(entry)
        if not good:
            flaws.append(f"{key} entry {entry['sequence']}")
        heads[key] = entry["sequence"], entry["hash"]
    return flaws + [
        f"{key_of(budget)} does not end where its budget says"
        for budget in books.budgets
        if (budget["sequence"], budget["hash"]) != heads.get(key_of(budget), (0, GENESIS))
    ]


def _hash(entry: Mapping[str, Any]) -> str:
    fields = [
        entry["previous_hash"],
        "/".join(key_of(entry)),
        *(entry[name] for name in ("sequence", "kind", "debit", "credit", "amount", "events", "sampling_ppm")),
        *(entry[name] for name in ("evaluator", "cause", "release")),
        entry["effective_at"].isoformat(),
        entry["recorded_at"].isoformat(),
        entry["policy_version"],
    ]
    return sha256(json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


def wrong_balances(books: Books) -> list[str]:
    """Budgets whose accounts are not the sum of their entries, or do not sum to zero."""
    moved: defaultdict[BudgetKey, Counter[str]] = defaultdict(Counter)
    for entry in books.entries:
        moved[key_of(entry)][entry["debit"]] -= entry["amount"]
        moved[key_of(entry)][entry["credit"]] += entry["amount"]
    return [
        f"{key_of(budget)}: {[budget[name] for name in ACCOUNTS]}"
        for budget in books.budgets
        if sum(budget[name] for name in ACCOUNTS) != 0
        or any(budget[name] != moved[key_of(budget)][name] for name in ACCOUNTS)
    ]


def posted_twice(entries: Iterable[Mapping[str, Any]]) -> list[object]:
    """What one summary posted more than once to the same budget."""
    times = Counter((*key_of(entry), *(entry[name] for name in MADE_ONCE)) for entry in entries)
    return [key for key, count in times.items() if count > 1]


def unknown_causes(entries: Iterable[Mapping[str, Any]], summary_ids: Collection[str]) -> set[str]:
    """Causes that were never published as summaries."""
    return {entry["cause"] for entry in entries} - set(summary_ids)


def dump(books: Books) -> bytes:
    """Every column of every row, to be compared byte for byte."""
    lines = [repr(sorted(row.items())) for row in (*books.budgets, *books.entries)]
    return "\n".join(lines).encode()
