"""The whole run: every service, agents, people and providers at work while all of them die; then the comparison."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from random import Random

from flyball.schemas.topics import TOPICS
from flyball.stack import LocalStack
from tests.chaos import books
from tests.chaos.broker import Publisher, register
from tests.chaos.compare import compare_all
from tests.chaos.drain import POLL_SECONDS, Stage, drained
from tests.chaos.events import Load
from tests.chaos.faults import Fault, Saboteur, plan
from tests.chaos.fleet import TOKEN, Fleet, environment
from tests.chaos.journal import Journal
from tests.chaos.load import Waves, publish
from tests.chaos.loop import compare, pages
from tests.chaos.loop.agents import Agents
from tests.chaos.loop.desk import Desk, open_client
from tests.chaos.loop.pages import Providers
from tests.chaos.loop.people import People
from tests.chaos.loop.wishes import SPEC, SYSTEM, Wish, wishes
from tests.chaos.storm import LOAD_SHARE, create_topics, declare_systems, look_at_logs, running

SERVICES = {
    "telemetry-ingest": 1,
    "budget-ledger": 1,
    "autonomy-controller": 2,
    "notifier": 2,
    "audit-log": 2,
    "rollback-executor": 1,
    "drift-detector": 1,
    "console": 1,
}
CONTROLLER, AUDITOR = "autonomy-controller", "audit-log"
ENDED_SECONDS_MAX = 240.0
TOLD_SECONDS_MAX = 120.0


@dataclass(frozen=True, slots=True)
class LoopStorm:
    """What to do, all of it drawn from the seed."""

    seed: int
    events: int = 20_000
    actions: int = 600
    troubles: int = 60
    kills: int = 20
    nodes: int = 3
    gap_seconds: tuple[float, float] = (1.5, 5.0)
    zombies: int = 2


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that a run works with."""

    storm: LoopStorm
    journal: Journal
    stack: LocalStack
    fleet: Fleet
    providers: Providers

    @property
    def bootstrap(self) -> str:
        return self.stack.environment["FLYBALL_KAFKA"]

    @property
    def dsn(self) -> str:
        """Of the superuser, to look into every schema."""
        assert self.stack.postgres is not None
        return self.stack.postgres.admin_dsn

    def random(self, what: str) -> Random:
        """A stream of its own for each part: how often one draws must not change the others."""
        return Random(f"{what} {self.storm.seed}")


async def run(storm: LoopStorm, journal: Journal) -> None:
    """Fills the journal with comparisons. AssertionError when something does not come to its end."""
    journal.say(f"seed {storm.seed}: {storm.actions} actions, {storm.troubles} troubles, {storm.kills} kill -9")
    async with scene(storm, journal) as here:
        await here.fleet.all_ready()
        await declare_systems(here.bootstrap, here.dsn)
        await declare_agent(here)
        await _storm(here)


@asynccontextmanager
async def scene(storm: LoopStorm, journal: Journal) -> AsyncIterator[Scene]:
    async with AsyncExitStack() as exits:
        providers = exits.enter_context(pages.providers(Random(f"providers {storm.seed}")))
        stack = await exits.enter_async_context(LocalStack("full", nodes=storm.nodes, given={}))
        settings = {**environment(stack.environment), **providers.settings(stack.directory / "paging")}
        settings["FLYBALL_API_TOKENS"] = f"chaos:admin:{sha256(TOKEN.encode()).hexdigest()}"
        settings["FLYBALL_AUDIT_KEY_FILE"] = str(stack.directory / "audit" / "key.pem")
        settings["FLYBALL_AUDIT_CHECKPOINT_FILE"] = str(stack.directory / "audit" / "checkpoints.jsonl")
        await create_topics(settings)
        fleet = Fleet.of(journal, settings, stack.directory / "services", SERVICES)
        exits.push_async_callback(fleet.stop)
        exits.callback(look_at_logs, f"loop-{storm.seed}", journal, fleet, stack.directory)
        await exits.enter_async_context(running(fleet.supervise()))
        yield Scene(storm, journal, stack, fleet, providers)


async def declare_agent(here: Scene) -> None:
    """Return when the controller knows the levels of the agent that will ask."""
    effective_at = datetime(2020, 1, 1, tzinfo=UTC).isoformat()
    revision = {"version": 1, "effective_at": effective_at, "author": "chaos", "spec": SPEC}
    await register(here.bootstrap, {SYSTEM: {"tenant": "default", "system": SYSTEM, "revisions": [revision]}})
    known = "SELECT count(*) FROM autonomy_controller.classes WHERE system = $1"
    async with asyncio.timeout(90), books.connected(here.dsn) as connection:
        while not await connection.fetchval(known, SYSTEM):
            await asyncio.sleep(POLL_SECONDS / 5)


async def _storm(here: Scene) -> None:
    storm, journal = here.storm, here.journal
    faults = plan(here.random("faults"), storm.kills, storm.gap_seconds, storm.zombies)
    saboteur = Saboteur(journal, here.stack, here.fleet, here.random("victims"))
    load, asked = Load(storm.seed), wishes(here.random("wishes"), storm.actions)
    async with open_client() as client:
        desk = Desk(here.fleet, CONTROLLER, here.random("desk"), client)
        agents = Agents(journal, desk, Publisher(here.bootstrap), here.random("agents"))
        people = People(desk, here.random("people"))
        await _work(here, faults, saboteur, load, agents, people, asked)
    told = await _all_told(here)
    journal.say(f"every action has ended, {told} deliveries are done")
    await drained(here.bootstrap, here.dsn, journal, stages=stages())
    await here.fleet.all_ready()
    await compare_all(journal, load.made, here.bootstrap, here.dsn, here.fleet)
    await _compare(here, asked, agents, people)


async def _work(
    here: Scene, faults: list[Fault], saboteur: Saboteur, load: Load, agents: Agents, people: People, asked: list[Wish]
) -> None:
    """Returns when all faults are over, all events acknowledged and all actions ended."""
    seconds = LOAD_SHARE * sum(fault.after_seconds for fault in faults)
    publisher, random = Publisher(here.bootstrap), here.random("troubles")
    wanted = {wish.action_id for wish in asked if wish.action_id}
    async with running(people.work()):
        await asyncio.gather(
            publish(load, publisher, Waves(here.storm.events, seconds), here.journal),
            pages.tell(Publisher(here.bootstrap), _troubles(here), random, seconds),
            agents.publish(asked, seconds),
            agents.work(wanted, seconds + ENDED_SECONDS_MAX),
            saboteur.run(faults),
        )


def _troubles(here: Scene) -> list[pages.Trouble]:
    return pages.troubles(here.random("severities"), here.storm.troubles)


async def _all_told(here: Scene) -> int:
    """Return when no trouble of ours fires any more and no delivery is left to make: how many were made."""
    firing = "SELECT count(*) FROM notifier.alerts WHERE fingerprint LIKE 'shop-%/trouble' AND ended_at IS NULL"
    open_ = "SELECT count(*) FROM notifier.deliveries WHERE state = 'open'"
    groups = "SELECT count(*) FROM notifier.groups WHERE body->>'due_at' IS NOT NULL AND key LIKE '%shop-%'"
    async with asyncio.timeout(TOLD_SECONDS_MAX), books.connected(here.dsn) as connection:
        while any([await connection.fetchval(query) for query in (firing, open_, groups)]):
            await asyncio.sleep(POLL_SECONDS)
        return int(await connection.fetchval("SELECT count(*) FROM notifier.deliveries WHERE state = 'delivered'"))


def stages() -> tuple[Stage, ...]:
    """Who reads what, by the table of topics; heartbeats never end, and nobody here waits for them."""
    return tuple(
        (service.replace("-", "_"), topic.name)
        for topic in TOPICS
        for service in topic.consumers
        if service in SERVICES
    )


async def _compare(here: Scene, asked: list[Wish], agents: Agents, people: People) -> None:
    journal, bootstrap, dsn = here.journal, here.bootstrap, here.dsn
    await compare.compare_actions(journal, bootstrap, dsn, asked, agents, people)
    troubles = _troubles(here)
    await compare.compare_pages(journal, dsn, troubles, here.providers, here.fleet.deaths)
    await compare.compare_audit(journal, bootstrap, here.fleet.of_service(AUDITOR)[0], asked, troubles)
    await compare.compare_levels(journal, bootstrap, dsn)
    journal.compare("kill -9 of services, at least the planned", True, here.fleet.kills >= here.storm.kills)
