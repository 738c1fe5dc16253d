"""autonomy-controller, two replicas of it, between agents and people; and what must hold at the end."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from autonomy_controller.commands import Commands
from autonomy_controller.domain.state import ClassState
from autonomy_controller.service import AutonomyController, wiring
from autonomy_controller.ticking import Ticker
from flyball.bus.messages import fact
from flyball.bus.processor import Processor
from flyball.bus.retry import Backoff
from flyball.bus.subscription import Wiring
from flyball.observe.metrics import Metrics
from flyball.schemas.autonomy import ActionRequested
from flyball.schemas.budgets import BudgetStatement, BudgetStates
from flyball.schemas.guardrails import ActionClassSpec, AutonomySpec, DenyRule
from flyball.schemas.registry import Owners, SystemRegistered, SystemRevision, SystemSpec
from flyball.schemas.topics import BUDGET_STATES, REGISTRY_SYSTEMS, TOPICS
from flyball.sim.broker import Broker
from flyball.sim.database import MemoryDatabase
from flyball.sim.process import current_life
from flyball.sim.publisher import MemoryPublisher
from flyball.sim.runner import Service, Timing, behind
from flyball.sim.transaction import MemoryTransaction
from flyball.sim.world import World
from flyball.store.errors import Transient
from flyball.store.ports import Outgoing
from tests.sim.permission import verdict
from tests.sim.permission.memory import MemoryAutonomy
from tests.sim.permission.people import KILLED, OWNER, REQUESTER, SYSTEMS, Desk, Memory, Story, asking

PARTITIONS = 2
REST_SECONDS_MAX = 600
TICK_SECONDS, HEARTBEAT_SECONDS = 8.0, 15.0
TIMING = Timing(
    session_seconds=6,
    fetch_seconds=6,
    relay_idle_seconds=9,
    commit_seconds=12,
    backoff=Backoff(base_seconds=0.1, cap_seconds=2.0, attempts_max=12),
)
MemoryType = Callable[[MemoryTransaction], MemoryAutonomy]


@dataclass(slots=True)
class Site:
    """One installation. ``memory`` is what a planted bug exchanges."""

    world: World
    memory: MemoryType = MemoryAutonomy
    processor_type: type[Processor[Any]] = Processor
    broker: Broker = field(init=False)
    database: MemoryDatabase = field(init=False)

    def __post_init__(self) -> None:
        self.broker = Broker(self.world)
        for topic in TOPICS:
            self.broker.create(topic.name, PARTITIONS)
        self.database = MemoryDatabase(self.world, "autonomy-db")

    def commands(self) -> Commands[MemoryTransaction]:
        return Commands(self.database, self.memory)

    def wiring(self) -> Wiring[Any]:
        controller = AutonomyController(self.memory, Metrics("autonomy-controller"), lambda *_: None)
        return wiring(controller)

    async def replica(self) -> None:
        """The program: what it reads, and its ticks."""
        life = current_life()
        assert life is not None
        keys = [f"heartbeat.{number}".encode() for number in range(PARTITIONS)]
        ticker = Ticker(
            self.database, self.memory, keys, TICK_SECONDS, HEARTBEAT_SECONDS, self.world.now, TIMING.backoff,
            self.world.stream(f"ticks of {life.process.name}"),
        )  # fmt: skip
        ticking = life.spawn(ticker.run(), "ticker")
        await Service(self.database, self.wiring, self.processor_type, timing=TIMING).run(self.broker)
        ticking.cancel()
        await asyncio.gather(ticking, return_exceptions=True)

    def classes(self) -> Mapping[Any, ClassState]:
        return self.database.rows("classes")

    def busy(self) -> bool:
        actions = self.database.rows("actions").values()
        return bool(behind(self.broker, self.database, self.wiring())) or not all(one.has_ended for one in actions)


@dataclass(frozen=True, slots=True)
class Permission:
    """The scenario. Every action asks its way to its one end, amid whatever goes wrong."""

    memory: MemoryType = MemoryAutonomy
    processor_type: type[Processor[Any]] = Processor
    actions: int = 14

    async def __call__(self, world: World) -> None:
        site, memory = Site(world, self.memory, self.processor_type), Memory()
        for number in (1, 2):
            world.process(f"controller-{number}", site.replica)
        await _published(world, site.broker, [_registered(world, system) for system in SYSTEMS])
        await world.until(lambda: not behind(site.broker, site.database, site.wiring()), REST_SECONDS_MAX, "declared")
        stories = self._stories(world)
        half = len(stories) // 2
        shares = (stories[: half + 2], stories[half:][::-1])
        desks = [Desk(site.commands(), site.broker, share, memory, site.classes) for share in shares]
        working = [world.process(f"desk-{number}", desk.run) for number, desk in enumerate(desks, 1)]
        killer = world.process("admin", partial(_kills, site))
        await _published(world, site.broker, [*asking(stories[::3], world), _red(world)])
        await world.until(lambda: all(one.ended for one in (*working, killer)), REST_SECONDS_MAX, "all played")
        world.calm_down()
        await world.until(lambda: not site.busy(), REST_SECONDS_MAX, "every action ended")
        verdict.decisions(site, stories)
        verdict.ends(site, memory)
        verdict.approvals(site, memory)
        verdict.levels(site)

    def _stories(self, world: World) -> list[Story]:
        random = world.stream("stories")
        return [
            Story(_asked(world, number, random.choice(SYSTEMS), write=random.random() < 0.7), random.random() < 0.3,
                  random.random() < 0.2)
            for number in range(self.actions)
        ]  # fmt: skip


def _asked(world: World, number: int, system: str, *, write: bool) -> ActionRequested:
    now = world.now()
    return ActionRequested(
        kind="requested",
        action_id=f"action-{number:03}",
        tenant="default",
        system=system,
        release="2.1.0",
        action_class="orders",
        operation="order.cancel" if write else "order.read",
        target=f"order/{number}",
        parameters={"method": "gift" if number % 7 == 0 else "card"},
        write=write,
        confidence=0.9,
        requester=REQUESTER,
        deadline=now + timedelta(seconds=20),
        requested_at=now,
    )


def _registered(world: World, system: str) -> Outgoing:
    orders = ActionClassSpec(
        operations=("order.*",),
        level=3 if system == KILLED else 1,
        approvals_needed=2,
        validity_minutes=1,
        report_minutes_max=1,
        deny=(DenyRule(name="no-gifts", parameter="method", value="gift*"),),
    )
    spec = SystemSpec(
        system=system, owners=Owners(technical=OWNER), autonomy=AutonomySpec(action_classes={"orders": orders})
    )
    revision = SystemRevision(version=1, effective_at=world.now(), author="grace", spec=spec)
    event = SystemRegistered(tenant="default", system=system, revisions=(revision,))
    return _fact(world, REGISTRY_SYSTEMS, event, system)


def _red(world: World) -> Outgoing:
    """The budget of one system becomes red and takes a level."""
    statement = BudgetStatement(
        dimension="accuracy",
        zone="red",
        target_ppm=950_000,
        weight_milli=1_000,
        granted=1,
        burned=1,
        available=0,
        remaining_ppm=0,
        policy_version=1,
        zone_since=None,
        entry=None,
    )
    event = BudgetStates(
        tenant="default", system=KILLED, as_of=world.now(), cause="test", worst="red", budgets=(statement,)
    )
    return _fact(world, BUDGET_STATES, event, KILLED)


def _fact(world: World, topic: Any, event: Any, system: str) -> Outgoing:
    identity = UUID(int=world.random.getrandbits(128))
    return fact(topic, event, source="tests", identity=identity, system=system, time=world.now())


async def _published(world: World, broker: Broker, messages: list[Outgoing]) -> None:
    """From a process of its own, until it is acknowledged."""

    async def publish() -> None:
        while True:
            try:
                await MemoryPublisher(broker).publish(messages)
            except Transient:
                continue
            return

    agent = world.process("publisher", publish)
    await world.until(lambda: agent.ended, REST_SECONDS_MAX, "published")


async def _kills(site: Site) -> None:
    """Stops a system in the midst of it, and two people release it again."""
    commands, key = site.commands(), ("default", KILLED)
    await asyncio.sleep(site.world.random.uniform(0, 20))
    await commands.kill(key, None, "user:grace", "it cancels too much", site.world.now())
    await asyncio.sleep(site.world.random.uniform(0, 10))
    for person in ("user:grace", "user:lin"):
        await commands.release(key, None, person, site.world.now())
