"""The whole run: servers, services, load, faults, drain, comparison."""

import asyncio
import os
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from flyball.bus.settings import KafkaSettings
from flyball.bus.topics import open_topic_admin
from flyball.schemas.topics import TOPICS
from flyball.stack import LocalStack
from tests.chaos import books
from tests.chaos.broker import Publisher, register
from tests.chaos.compare import compare_all
from tests.chaos.drain import Watch, drained
from tests.chaos.events import Load
from tests.chaos.faults import Saboteur, plan
from tests.chaos.fleet import Fleet, environment, log_lines
from tests.chaos.journal import Journal
from tests.chaos.load import Waves, publish
from tests.chaos.systems import SYSTEMS, registrations

KEPT_LOGS = Path(".stack")
REGISTERED_SECONDS_MAX = 90.0
# Of the time that the faults take: the rest of them come while the services work off the last wave.
LOAD_SHARE = 0.8


@dataclass(frozen=True, slots=True)
class Storm:
    """What to do, all of it drawn from the seed."""

    seed: int
    events: int = 200_000
    kills: int = 20
    nodes: int = 3
    gap_seconds: tuple[float, float] = (1.5, 5.0)
    zombies: int = 2


@asynccontextmanager
async def running(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """A task beside the body, whose failure ends the body."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(work)
        try:
            yield
        finally:
            task.cancel()


async def create_topics(settings: dict[str, str]) -> None:
    """As the table says, with the replication that the stack has."""
    async with open_topic_admin(KafkaSettings.from_environment(settings)) as admin:
        await admin.apply(TOPICS)


async def run(storm: Storm, journal: Journal) -> None:
    """Fills the journal with comparisons. AssertionError when the services do not drain."""
    journal.say(f"seed {storm.seed}: {storm.events} events, at least {storm.kills} kill -9, {storm.nodes} brokers")
    async with LocalStack("full", nodes=storm.nodes, given={}) as stack:
        settings = environment(stack.environment)
        await create_topics(settings)
        fleet = Fleet.of(journal, settings, stack.directory / "services")
        try:
            async with running(fleet.supervise()):
                await _storm(storm, journal, stack, fleet)
        finally:
            look_at_logs(str(storm.seed), journal, fleet, stack.directory)
            await fleet.stop()


async def _storm(storm: Storm, journal: Journal, stack: LocalStack, fleet: Fleet) -> None:
    assert stack.postgres is not None
    bootstrap, dsn = stack.environment["FLYBALL_KAFKA"], stack.postgres.admin_dsn
    await fleet.all_ready()
    await declare_systems(bootstrap, dsn)
    journal.say("everything runs, systems are declared; the load begins")
    load, publisher = Load(storm.seed), Publisher(bootstrap)
    # Its own randomness: how often the load draws must not change the plan.
    random = Random(f"faults {storm.seed}")
    faults = plan(random, storm.kills, storm.gap_seconds, storm.zombies)
    watch = Watch(journal, bootstrap, dsn)
    saboteur = Saboteur(journal, stack, fleet, random)
    waves = Waves(storm.events, LOAD_SHARE * sum(fault.after_seconds for fault in faults))
    async with running(watch.run()):
        await asyncio.gather(publish(load, publisher, waves, journal), saboteur.run(faults))
        journal.say(f"all {publisher.acknowledged} events acknowledged, all faults done; {watch.newest}")
        drain_from = journal.seconds
        await drained(bootstrap, dsn, journal)
        await fleet.all_ready()
    journal.say(f"drained {journal.seconds - drain_from:.1f} s after the last fault")
    _tell(journal, load, fleet, saboteur, watch)
    journal.compare("events acknowledged", storm.events, publisher.acknowledged)
    journal.compare("kill -9 of services, at least the planned", True, fleet.kills >= storm.kills)
    await compare_all(journal, load.made, bootstrap, dsn, fleet)


async def declare_systems(bootstrap: str, dsn: str) -> None:
    """Return when both services know the declared systems: a spec holds for what is recorded after it."""
    await register(bootstrap, registrations())
    wanted = {system.name for system in SYSTEMS if system.declared}
    async with asyncio.timeout(REGISTERED_SECONDS_MAX), books.connected(dsn) as connection:
        for table in ("budget_ledger.systems", "telemetry_ingest.declared"):
            while {row["system"] for row in await connection.fetch(f"SELECT system FROM {table}")} != wanted:
                await asyncio.sleep(0.1)


def _tell(journal: Journal, load: Load, fleet: Fleet, saboteur: Saboteur, watch: Watch) -> None:
    copies = Counter(record.copy for record in load.made if record.copy)
    invalid = sum(record.content is None for record in load.made)
    journal.say(f"published {len(load.made)}: duplicates {dict(copies)}, {invalid} invalid")
    journal.say(f"faults done: {dict(Counter(saboteur.done))}")
    times = sorted(fleet.recoveries)
    if times:
        journal.say(
            f"{len(times)} recoveries to ready: median {times[len(times) // 2]:.1f} s, longest {times[-1]:.1f} s"
        )
    for schema, seconds in watch.longest_stall_seconds.items():
        journal.say(f"{schema} stood still with work before it for {seconds:.1f} s at the longest")
    journal.say(f"{len(fleet.ended_by_themselves)} times a replica ended by itself")


def look_at_logs(name: str, journal: Journal, fleet: Fleet, directory: Path) -> None:
    """Levels by service; and the files themselves where something went wrong."""
    for replica in fleet.replicas:
        levels = Counter(line["level"] for line in log_lines(replica.log_path))
        journal.say(f"log of {replica.name}: {dict(levels)}")
    if journal.wrong or not journal.rows or os.environ.get("FLYBALL_CHAOS_KEEP_LOGS"):
        kept = KEPT_LOGS / f"chaos-{name}"
        shutil.copytree(directory / "services", kept, dirs_exist_ok=True)
        journal.say(f"the services' logs are in {kept}")
