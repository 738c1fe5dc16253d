"""The ledger in Postgres: what is saved is what is loaded, and nothing can be changed afterwards."""

from collections.abc import AsyncIterator
from datetime import timedelta
from importlib.resources import files
from uuid import uuid4

import asyncpg
import pytest
from ledger_builders import START, new_books, summary

from budget_ledger.adapters.postgres import PostgresLedger
from budget_ledger.adapters.reading import read_entries
from budget_ledger.domain.batch import Item, apply, needs_of
from budget_ledger.domain.entries import Entry
from flyball.schemas.registry import SystemRegistered, SystemRevision, SystemSpec
from flyball.store.postgres import PostgresDatabase, open_postgres
from flyball.store.settings import StoreSettings

pytestmark = pytest.mark.stack
SYSTEM = ("default", "support")


@pytest.fixture
async def database(postgres_dsn: str) -> AsyncIterator[PostgresDatabase]:
    settings = StoreSettings.from_environment({"FLYBALL_POSTGRES": postgres_dsn})
    migrations = [files("budget_ledger").joinpath("migrations")]
    async with open_postgres(settings, f"ledger_{uuid4().hex[:8]}", migrations) as opened:
        yield opened


def items() -> list[Item]:
    """Forty days: long enough for hours to leave the window, with a minute that goes down and comes up again."""
    stream = []
    for day in range(40):
        at = START + timedelta(days=day)
        stream.append(summary(at, interactions=[("ok", 9_000), ("timeout", 10)], judged=(40, 2), attacks=(3, 0)))
        stream.append(summary(at, interactions=[("ok", 10)] * 400, judged=(10, 0), sampling_ppm=10_000))
    return [Item(each, f"cause-{n}", each.bucket_start + timedelta(seconds=n)) for n, each in enumerate(stream)]


async def save_in_batches(database: PostgresDatabase, size: int) -> list[Entry]:
    entries: list[Entry] = []
    everything = items()
    for at in range(0, len(everything), size):
        batch = everything[at : at + size]
        async with database.transaction() as transaction:
            ledger = PostgresLedger(transaction)
            books = await ledger.lock_books(needs_of(batch, {}))
            outcome = apply(batch, books, {})
            await ledger.save(books, outcome.books, outcome.entries)
            entries += outcome.entries
    return entries


@pytest.mark.parametrize("size", [1, 7, 80])
async def test_the_ledger_in_postgres_is_the_ledger_in_memory(database: PostgresDatabase, size: int) -> None:
    expected = apply(items(), new_books(), {})
    assert await save_in_batches(database, size) == expected.entries
    async with database.transaction() as transaction:
        last = items()[-1]
        books = await PostgresLedger(transaction).lock_books(needs_of([last], {}))
    assert {key: book.budget for key, book in books.items()} == {
        key: book.budget for key, book in expected.books.items()
    }
    for key in expected.books:
        stored = await read_entries(database, *SYSTEM, key.dimension, before=None, rows_max=10_000)
        assert stored[::-1] == [entry for entry in expected.entries if entry.budget == key]


@pytest.mark.parametrize("change", ["UPDATE entries SET amount = 1", "DELETE FROM entries", "TRUNCATE entries"])
async def test_entries_are_append_only(database: PostgresDatabase, change: str) -> None:
    await save_in_batches(database, 80)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await database.fetch(change)
    # Whoever takes the right back still meets the trigger.
    await database.fetch("GRANT UPDATE, DELETE, TRUNCATE ON entries TO CURRENT_USER")
    with pytest.raises(asyncpg.RaiseError, match="append-only"):
        await database.fetch(change)


async def test_revisions_come_back_as_they_were_registered(database: PostgresDatabase) -> None:
    revision = SystemRevision(version=1, effective_at=START, author="ada", spec=SystemSpec(system="support"))
    event = SystemRegistered(tenant="default", system="support", revisions=(revision,))
    async with database.transaction() as transaction:
        ledger = PostgresLedger(transaction)
        await ledger.register(event)
        await ledger.register(event)
        assert await ledger.revisions({SYSTEM, ("default", "other")}) == {SYSTEM: (revision,)}
