"""Feeds in Postgres: what a batch leaves, the next one finds, in this process or another."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from importlib.resources import files
from uuid import uuid4

import pytest

from flyball.schemas.registry import Owners, SystemRegistered, SystemRevision, SystemSpec
from flyball.schemas.telemetry import TelemetryPolicy
from flyball.store.postgres import PostgresDatabase, open_postgres
from flyball.store.settings import StoreSettings
from telemetry_ingest.adapters.feeds import FeedMemory, PostgresFeeds
from telemetry_ingest.domain.feeds.state import EMPTY, Quarantine
from telemetry_ingest.ports import Place

pytestmark = pytest.mark.stack
START = datetime(2026, 11, 21, 9, tzinfo=UTC)
START_MS = int(START.timestamp() * 1_000)
KEY, OTHER = ("default", "support"), ("default", "billing")
HELD = Quarantine(START_MS, "latency_ms", "broken", 3, 10, 10_000, 300, 1, "team:ops")


@pytest.fixture
async def database(postgres_dsn: str) -> AsyncIterator[PostgresDatabase]:
    settings = StoreSettings.from_environment({"FLYBALL_POSTGRES": postgres_dsn})
    migrations = [files("telemetry_ingest").joinpath("migrations")]
    async with open_postgres(settings, f"ingest_{uuid4().hex[:8]}", migrations) as opened:
        yield opened


def memory() -> FeedMemory:
    return FeedMemory(lambda _provider, _model: None)


def at(offset: int) -> Place:
    return Place("agent.events.v1", 3, offset)


async def test_the_next_batch_finds_what_the_last_one_left(database: PostgresDatabase) -> None:
    mine, theirs = memory(), memory()
    async with database.transaction() as transaction:
        feeds = await PostgresFeeds(transaction, mine).open(at(0), {KEY, OTHER})
        feeds[KEY].labels.others({"user": "\0", "plan": "pro"}, 100, 9)
        feeds[KEY].personal_data([("outcome", "email")], START_MS)
        feeds[KEY].trust.quarantine, feeds[KEY].trust.quarantine_has_changed = HELD, True
        kept = feeds[KEY].state
        await PostgresFeeds(transaction, mine).save(feeds, at(10))
    for known in (mine, theirs):
        async with database.transaction() as transaction:
            again = await PostgresFeeds(transaction, known).open(at(10), [KEY, OTHER])
            assert (again[KEY].state, again[OTHER].state) == (kept, EMPTY)
            assert (again[KEY] is feeds[KEY]) == (known is mine)
            assert (await PostgresFeeds(transaction, known).open(Place("agent.events.v1", 4, 10), [KEY]))[
                KEY
            ].state == EMPTY


async def test_what_was_not_committed_is_forgotten(database: PostgresDatabase) -> None:
    known = memory()
    with pytest.raises(RuntimeError):
        await roll_back(database, known)
    async with database.transaction() as transaction:
        feeds = await PostgresFeeds(transaction, known).open(at(0), [KEY])
        assert feeds[KEY].state == EMPTY
        # This one dies before it saves; the next does not find what it did.
        feeds[KEY].labels.others({"user": "2"}, 100, 9)
    async with database.transaction() as transaction:
        assert (await PostgresFeeds(transaction, known).open(at(0), [KEY]))[KEY].state == EMPTY


async def roll_back(database: PostgresDatabase, known: FeedMemory) -> None:
    async with database.transaction() as transaction:
        feeds = await PostgresFeeds(transaction, known).open(at(0), [KEY])
        feeds[KEY].labels.others({"user": "1"}, 100, 9)
        await PostgresFeeds(transaction, known).save(feeds, at(5))
        raise RuntimeError


async def test_a_release_is_seen_by_the_process_that_has_the_feed_in_memory(database: PostgresDatabase) -> None:
    known = memory()
    async with database.transaction() as transaction:
        feeds = await PostgresFeeds(transaction, known).open(at(0), [KEY])
        feeds[KEY].trust.quarantine, feeds[KEY].trust.quarantine_has_changed = HELD, True
        await PostgresFeeds(transaction, known).save(feeds, at(5))
    async with database.transaction() as transaction:
        assert await PostgresFeeds(transaction, memory()).lock(KEY) == [HELD]
        assert await PostgresFeeds(transaction, memory()).lock(OTHER) == []
        await PostgresFeeds(transaction, memory()).release(KEY, START_MS + 7)
    async with database.transaction() as transaction:
        feeds = await PostgresFeeds(transaction, known).open(at(5), [KEY])
        assert feeds[KEY].trust.released_ms == START_MS + 7
        assert await PostgresFeeds(transaction, memory()).lock(KEY) == []


def registered(*policies: TelemetryPolicy) -> SystemRegistered:
    revisions = [
        SystemRevision(
            version=number + 1,
            effective_at=START,
            author="user:mia",
            spec=SystemSpec(system=KEY[1], owners=Owners(operations="\0team"), telemetry=policy),
        )
        for number, policy in enumerate(policies)
    ]
    return SystemRegistered(tenant=KEY[0], system=KEY[1], revisions=tuple(revisions))


async def test_declarations_are_read_again_when_there_is_a_newer_one(database: PostgresDatabase) -> None:
    known, first, second = memory(), TelemetryPolicy(label_values_max=1), TelemetryPolicy(label_values_max=2)
    for number, policies in enumerate([(first,), (first, second), (first,)]):
        async with database.transaction() as transaction:
            await PostgresFeeds(transaction, memory()).declare(registered(*policies))
        async with database.transaction() as transaction:
            feeds = await PostgresFeeds(transaction, known).open(at(0), [KEY, OTHER])
            rules = feeds[KEY].declaration.at(START_MS)
            assert (rules.policy.label_values_max, rules.owner) == (min(number + 1, 2), "\ufffdteam")
            assert not feeds[OTHER].declaration.is_declared_at(START_MS)
