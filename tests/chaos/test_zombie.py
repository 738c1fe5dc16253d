"""Zombie: an old owner that wakes after a rebalance changes nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psutil
import pytest

from tests.chaos import books
from tests.chaos.broker import EVENTS, SUMMARIES
from tests.chaos.compare import compare_all
from tests.chaos.fleet import SERVICES, Fleet, Replica
from tests.chaos.quiet import Ground, ground
from tests.chaos.storm import declare_systems

FENCED = "flyball_batches_fenced_total"
CAUGHT_SECONDS_MAX = 60.0
WAKE_SECONDS_MAX = 60.0
WAITING = """
SELECT client_port FROM pg_stat_activity
WHERE wait_event_type = 'Lock' AND query LIKE '%UPDATE positions%' AND application_name = $1
"""


@asynccontextmanager
async def positions_held(dsn: str, schema: str, topic: str) -> AsyncIterator[Any]:
    """No batch of the topic can be committed meanwhile: whoever has one in hand waits inside its transaction."""
    async with books.connected(dsn) as connection, connection.transaction():
        await connection.execute(f"SELECT 1 FROM {schema}.positions WHERE topic = $1 FOR UPDATE", topic)
        yield connection


async def caught(fleet: Fleet, service: str, dsn: str) -> Replica:
    """A replica that has fetched a batch and is in the middle of its transaction."""
    async with asyncio.timeout(CAUGHT_SECONDS_MAX), books.connected(dsn) as connection:
        while True:
            ports = {row["client_port"] for row in await connection.fetch(WAITING, f"flyball-{_schema(service)}")}
            for replica in fleet.of_service(service):
                if ports & _local_ports(replica):
                    return replica
            await asyncio.sleep(0.05)


def _local_ports(replica: Replica) -> set[int]:
    sockets = psutil.Process(replica.process.process.pid).net_connections("tcp")
    return {socket.laddr.port for socket in sockets}


def _schema(service: str) -> str:
    return service.replace("-", "_")


async def fenced(replica: Replica) -> None:
    """Return when the replica's metrics tell of a batch that it dropped."""
    async with asyncio.timeout(WAKE_SECONDS_MAX):
        while await replica.metric(FENCED) < 1:
            await asyncio.sleep(0.2)


async def make_zombie(here: Ground, fleet: Fleet, service: str, topic: str) -> Replica:
    """Stop a replica in the middle of a batch, and return when the other one has finished all the work."""
    async with positions_held(here.dsn, _schema(service), topic):
        await here.publish(6_000)
        victim = await caught(fleet, service, here.dsn)
        victim.paused = True
        victim.process.pause()
        here.journal.say(f"SIGSTOP {victim.name} in the middle of a batch")
    await here.drained()
    here.journal.say("the other replica has done all of it")
    return victim


@pytest.mark.chaos
@pytest.mark.timeout(300)
async def test_an_old_owner_that_wakes_after_a_rebalance_changes_nothing() -> None:
    async with ground(seed=3) as here, here.fleet(SERVICES) as fleet:
        await declare_systems(here.bootstrap, here.dsn)
        await here.publish(2_000)
        await here.drained()
        for service, topic in zip(SERVICES, (EVENTS, SUMMARIES), strict=True):
            zombie = await make_zombie(here, fleet, service, topic)
            before = await books.read_totals(here.dsn), books.dump(await books.read_books(here.dsn))
            zombie.process.resume()
            zombie.paused = False
            await fenced(zombie)
            here.journal.say(f"{zombie.name} woke and dropped its batch")
            after = await books.read_totals(here.dsn), books.dump(await books.read_books(here.dsn))
            assert after == before
            # It lives on as a member like any other.
            await fleet.all_ready()
            await here.publish(1_000)
            await here.drained()
        await compare_all(here.journal, here.load.made, here.bootstrap, here.dsn, fleet)
        assert not here.journal.wrong, here.journal.table()
        assert not fleet.ended_by_themselves
