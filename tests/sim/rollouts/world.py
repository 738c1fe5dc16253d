"""rollback-executor, two replicas of it, between agents, a ledger, a person and a target; and what must hold."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any

from flyball.bus.processor import Processor
from flyball.bus.retry import Backoff
from flyball.bus.subscription import Wiring
from flyball.observe.metrics import Metrics
from flyball.schemas.topics import TOPICS
from flyball.sim.broker import Broker
from flyball.sim.database import MemoryDatabase
from flyball.sim.process import Faults, current_life
from flyball.sim.runner import Service, Timing, behind
from flyball.sim.transaction import MemoryTransaction
from flyball.sim.world import World
from rollback_executor.desk import Desk
from rollback_executor.domain.rollout import RETURNING, STAGES
from rollback_executor.service import RollbackExecutor, wiring
from rollback_executor.worker import Worker
from tests.sim.rollouts import verdict
from tests.sim.rollouts.agents import Agents, Kind, Ledger, Person, Wish
from tests.sim.rollouts.memory import MemoryQueue, MemoryRollouts, Row
from tests.sim.rollouts.target import PointerServer, SimulatedTargets

PARTITIONS = 2
REST_SECONDS_MAX = 900
PAUSE = timedelta(seconds=2)
TICK_SECONDS, OBSERVE_SECONDS, ORDER_SECONDS = 10.0, 10.0, 3.0
TIMING = Timing(
    session_seconds=6,
    fetch_seconds=6,
    relay_idle_seconds=9,
    commit_seconds=12,
    backoff=Backoff(base_seconds=0.2, cap_seconds=2.0, attempts_max=12),
)
FAULTS = Faults(slow=0.02, kill=0.006, pause=0.008)
"""More than elsewhere: a rollout is a handful of operations, and they must go wrong often enough."""
FIRST, SECOND = "rollout-1", "rollout-2"
LIARS, BAD, RED, REGRETS = 0.2, 0.6, 0.25, 0.3
"""How often the target lies, a release is bad, safety goes red, and a rollout is taken back at once."""
DURING: Sequence[Kind] = ("pause", "resume", "rollback", "promote", "return", "stale")


@dataclass(slots=True)
class Site:
    """One installation. ``pointer`` is what a planted bug exchanges."""

    world: World
    pointer: PointerServer
    transaction_type: type[MemoryTransaction] = MemoryTransaction
    processor_type: type[Processor[Any]] = Processor
    broker: Broker = field(init=False)
    database: MemoryDatabase = field(init=False)

    def __post_init__(self) -> None:
        self.broker = Broker(self.world)
        for topic in TOPICS:
            self.broker.create(topic.name, PARTITIONS)
        self.database = MemoryDatabase(self.world, "rollouts-db", transaction_type=self.transaction_type)

    def start(self, replicas: int) -> None:
        for replica in range(1, replicas + 1):
            self.world.process(f"executor-{replica}", self._replica)

    def desk(self) -> Desk[MemoryTransaction]:
        return Desk(self.database, MemoryRollouts, self._service(), SimulatedTargets(self.pointer), self.world.now)

    def wiring(self) -> Wiring[Any]:
        return wiring(self._service())

    def rollouts(self) -> list[Row]:
        return sorted(self.database.rows("rollouts").values(), key=lambda row: row.number)

    def busy(self) -> list[str]:
        """What has still to happen by itself. A rollout that waits for a person or for evidence is at rest."""
        orders = [str(key) for key, effect in self.database.rows("effects").items() if effect.outcome is None]
        going = [row.tracked.rollout.id for row in self.rollouts() if row.tracked.rollout.step in RETURNING]
        return [*behind(self.broker, self.database, self.wiring()), *orders, *going]

    def _service(self) -> RollbackExecutor[MemoryTransaction]:
        return RollbackExecutor(MemoryRollouts, Metrics("rollback-executor"))

    async def _replica(self) -> None:
        life = current_life()
        assert life is not None
        worker = Worker(
            self.database,
            MemoryRollouts,
            MemoryQueue(self.database, PAUSE),
            self._service(),
            SimulatedTargets(self.pointer),
            TICK_SECONDS,
            OBSERVE_SECONDS,
            self.world.now,
            ORDER_SECONDS,
        )
        loops = (worker.tick_forever, worker.order_forever, worker.observe_forever)
        background = [life.spawn(work(), f"{work.__name__} of {life.process.name}") for work in loops]
        await Service(self.database, self.wiring, self.processor_type, timing=TIMING).run(self.broker)
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)


@dataclass(frozen=True, slots=True)
class Plan:
    """What one seed plays."""

    lies: bool
    bad: frozenset[str]
    lag_seconds_max: float
    red_after_seconds: float | None
    wishes: Sequence[Wish]
    seconds: float


@dataclass(frozen=True, slots=True)
class Rollouts:
    """The scenario: two rollouts, one after the other, of which some are bad, amid whatever goes wrong."""

    pointer_type: Callable[..., PointerServer] = PointerServer
    transaction_type: type[MemoryTransaction] = MemoryTransaction
    processor_type: type[Processor[Any]] = Processor

    async def __call__(self, world: World) -> None:
        plan = planned(world.stream("plan"))
        pointer = self.pointer_type(world, lies=plan.lies)
        site = Site(world, pointer, self.transaction_type, self.processor_type)
        site.start(replicas=2)
        agents = Agents(site.broker, pointer, plan.bad, plan.lag_seconds_max)
        person = Person(site.broker, site.desk(), plan.wishes)
        world.process("person", person.run)
        ledger = asyncio.create_task(Ledger(site.broker, plan.red_after_seconds).run())
        traffic = asyncio.create_task(agents.run())
        await asyncio.sleep(plan.seconds)
        world.calm_down()
        await _at_rest(world, site, plan, lambda: ledger.done() and person.done == len(plan.wishes))
        verdict.judge(site, agents.served)
        traffic.cancel()


def planned(random: Random) -> Plan:
    seconds = random.uniform(100, 260)
    wishes = [Wish(12, "propose", FIRST, "1.1.0"), *_during(random, FIRST)]
    wishes += [Wish(random.uniform(60, 120), "propose", SECOND, "1.2.0"), *_during(random, SECOND)]
    return Plan(
        lies=random.random() < LIARS,
        bad=frozenset(release for release in ("1.1.0", "1.2.0") if random.random() < BAD),
        lag_seconds_max=random.choice((1, 15)),
        red_after_seconds=random.uniform(30, 200) if random.random() < RED else None,
        wishes=wishes,
        seconds=seconds,
    )


def _during(random: Random, rollout: str) -> list[Wish]:
    """Some regret it at once, so that the first order may still be under way when the next one is given."""
    if random.random() < REGRETS:
        return [Wish(random.uniform(0.5, 6), "return", rollout)]
    return [Wish(random.uniform(1, 60), random.choice(DURING), rollout) for _ in range(random.randint(0, 2))]


async def _at_rest(world: World, site: Site, plan: Plan, are_done: Callable[[], bool]) -> None:
    """Everyone has said what they wanted, nothing has still to happen by itself, and no bad release is on its way."""

    def rests() -> bool:
        going = [row.tracked.rollout for row in site.rollouts() if row.tracked.rollout.step in STAGES]
        return are_done() and not site.busy() and not any(rollout.candidate in plan.bad for rollout in going)

    try:
        await world.until(rests, REST_SECONDS_MAX, "at rest")
    except AssertionError as error:
        steps = [f"{row.tracked.rollout.id} is {row.tracked.rollout.step}" for row in site.rollouts()]
        raise AssertionError(f"{error}: {'; '.join([*site.busy(), *steps])}") from None
