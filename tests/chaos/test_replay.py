"""Invariant 2, Replay: the same topics read again from zero by fresh databases give the same books and totals."""

import asyncio
from collections.abc import Mapping
from urllib.parse import urlsplit, urlunsplit

import pytest

from flyball.stack import Redis
from tests.chaos import books
from tests.chaos.broker import SUMMARIES, end_offsets
from tests.chaos.compare import compare_all
from tests.chaos.drain import INGEST, LEDGER, drained
from tests.chaos.fleet import SERVICES
from tests.chaos.quiet import Ground, ground
from tests.chaos.storm import declare_systems, running

FRESH = "fresh"
HELD_UP_SECONDS = 6.0


def in_database(dsn: str, name: str) -> str:
    return urlunsplit(urlsplit(dsn)._replace(path=f"/{name}"))


async def with_fresh_database(here: Ground) -> Mapping[str, str]:
    """An empty database for the services, beside the one that they have filled."""
    async with books.connected(here.dsn) as connection:
        await connection.execute(f"CREATE DATABASE {FRESH} OWNER flyball")
    return {"postgres": in_database(here.stack.environment["FLYBALL_POSTGRES"], FRESH)}


async def replay_ledger(here: Ground, fresh: Mapping[str, str]) -> None:
    """By two replicas and in other batches than before. Nothing new is published meanwhile."""
    dsn = in_database(here.dsn, FRESH)
    async with running(hold_up_registry(dsn)), here.fleet({"budget-ledger": 2}, **fresh):
        await drained(here.bootstrap, dsn, here.journal, stages=(LEDGER,))


async def hold_up_registry(dsn: str) -> None:
    """The declared systems cannot be written for some seconds, while all the summaries could be read."""
    async with books.connected(dsn) as connection:
        while await connection.fetchval("SELECT to_regclass('budget_ledger.systems')") is None:
            await asyncio.sleep(0.01)
        async with connection.transaction():
            await connection.execute("LOCK TABLE budget_ledger.systems IN SHARE ROW EXCLUSIVE MODE")
            await asyncio.sleep(HELD_UP_SECONDS)


async def replay_ingest(here: Ground, fresh: Mapping[str, str]) -> None:
    """With an empty memory of ids, and in smaller batches than before."""
    redis = Redis(here.stack.directory / "fresh-redis")
    await redis.start()
    try:
        settings = {**fresh, "redis": redis.url, "ingest_batch_records_max": "333"}
        async with here.fleet({"telemetry-ingest": 2}, **settings):
            await drained(here.bootstrap, in_database(here.dsn, FRESH), here.journal, stages=(INGEST,))
    finally:
        await redis.stop()


@pytest.mark.chaos
@pytest.mark.timeout(300)
async def test_topics_read_again_by_fresh_databases_give_the_same_ledger_and_totals() -> None:
    async with ground(seed=4) as here:
        async with here.fleet(SERVICES) as fleet:
            await declare_systems(here.bootstrap, here.dsn)
            for events in (5_000, 10_000):
                await here.publish(events)
                await here.drained()
            await compare_all(here.journal, here.load.made, here.bootstrap, here.dsn, fleet)
        assert not here.journal.wrong, here.journal.table()
        ledger, totals = books.dump(await books.read_books(here.dsn)), await books.read_totals(here.dsn)
        summaries = await end_offsets(here.bootstrap, SUMMARIES)

        fresh = await with_fresh_database(here)
        # The ledger first: a second ingest writes summaries of its own to the topic.
        await replay_ledger(here, fresh)
        assert await end_offsets(here.bootstrap, SUMMARIES) == summaries
        assert books.dump(await books.read_books(in_database(here.dsn, FRESH))) == ledger
        await replay_ingest(here, fresh)
        assert await books.read_totals(in_database(here.dsn, FRESH)) == totals
