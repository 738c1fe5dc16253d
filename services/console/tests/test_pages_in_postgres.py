"""What pages rest on, on a real Postgres: sessions that end, drift that is bounded, changes that are counted."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from console.adapters import drift as drift_tables
from console.adapters import sessions as session_tables
from console.adapters.changes import ChangesReads, PostgresChanges
from console.adapters.drift import DriftReads, PostgresDrift
from console.adapters.sessions import Sessions
from console.pages.changes import ChangesRoute
from flyball.schemas.drift import DriftEvidence, DriftReference, DriftReport, RateReference

pytestmark = pytest.mark.stack
NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


async def test_a_session_is_found_until_it_ends_or_is_closed(world: Any) -> None:
    sessions = Sessions(world.database, HOUR)
    cookie = await sessions.open("user:ada", NOW)
    found = await sessions.find(cookie, NOW + HOUR - timedelta(seconds=1))
    assert found is not None
    assert found.holder == "user:ada"
    assert await sessions.find(cookie, NOW + HOUR) is None
    assert await sessions.find("other", NOW) is None
    await sessions.close(cookie)
    assert await sessions.find(cookie, NOW) is None
    rows = await world.database.fetch("SELECT count(*) AS n FROM sessions WHERE digest = $1", cookie)
    assert rows[0]["n"] == 0, "the cookie itself is nowhere"


async def test_the_oldest_session_of_a_holder_gives_way(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_tables, "SESSIONS_PER_HOLDER_MAX", 2)
    sessions = Sessions(world.database, HOUR)
    cookies = [await sessions.open("user:ada", NOW + timedelta(seconds=n)) for n in range(3)]
    other = await sessions.open("user:bob", NOW)
    assert [await sessions.find(cookie, NOW) is not None for cookie in (*cookies, other)] == [False, True, True, True]


def reference(version: int) -> DriftReference:
    rate = RateReference(kind="rate", type="guardrail", hits=1, rows=1_000)
    return DriftReference(
        tenant="default", system="fraud", version=version, effective_at=NOW, release=None, rows=1_000, features={},
        indicators={"jail\0break": rate}, source="file", author="user:ada", created_at=NOW,
    )  # fmt: skip


def report(number: int) -> DriftReport:
    return DriftReport(
        tenant="default", system="fraud", feature="jail\0break", type="guardrail", episode=f"{number}", state="drift",
        severity="high", evidence=DriftEvidence(statistic=2, threshold=1, panes=1, dispersion=1), effects=(),
        changed_at=None, pane_start=NOW + number * HOUR, reference_version=1, policy_version=1,
    )  # fmt: skip


async def test_the_newest_references_and_reports_stay(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drift_tables, "VERSIONS_PER_SYSTEM_MAX", 2)
    monkeypatch.setattr(drift_tables, "REPORTS_PER_FEATURE_MAX", 3)
    again = (uuid4(), report(4))
    async with world.database.transaction() as transaction:
        await PostgresDrift(transaction).put_references([reference(version) for version in (1, 2, 3)])
        await PostgresDrift(transaction).add_reports([*((uuid4(), report(n)) for n in range(4)), again, again])
    reads = DriftReads(world.database)
    assert [await reads.reference("fraud", version) is not None for version in (1, 2, 3)] == [False, True, True]
    marks = await reads.marks("fraud")
    assert [mark.pane_start for mark in marks] == [NOW + n * HOUR for n in (4, 3, 2)]
    assert await reads.marks("other") == []
    newest = await reads.report("fraud", marks[0].feature)
    assert newest is not None
    assert newest.episode == "4"


async def test_an_open_page_hears_what_changed_and_whoever_comes_back_hears_at_once(world: Any) -> None:
    route = ChangesRoute(ChangesReads(world.database), 1, world.health)
    stream = aiter((await route.changes(None, "reviews,drift,nothing")).body_iterator)
    assert await anext(stream) == "retry: 3000\n\n"
    waiting = asyncio.ensure_future(anext(stream))
    async with asyncio.timeout(20):
        # The stream tells from what it saw first, which nobody outside can know.
        while not waiting.done():
            async with world.database.transaction() as transaction:
                await PostgresChanges(transaction).note("reviews")
                await PostgresChanges(transaction).note("levels")
            await asyncio.wait([waiting], timeout=0.2)
    assert "data: reviews\n" in await waiting
    world.health.stopping = True
    assert [part async for part in stream] == []
    world.health.stopping = False
    back = aiter((await route.changes(None, "drift", last_event_id="7")).body_iterator)
    await anext(back)
    assert "data: drift\n" in await anext(back)
