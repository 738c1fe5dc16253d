"""Who lives around rollback-executor: agents whose traffic follows the pointer, the ledger's word, and a person."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any, Literal
from uuid import UUID

from flyball.bus.messages import fact
from flyball.schemas.budgets import BudgetStatement, BudgetStates
from flyball.schemas.rollouts import RolloutStep
from flyball.schemas.summaries import BUCKET_SECONDS, InteractionStatistics, TelemetrySummary
from flyball.schemas.topics import BUDGET_STATES, TELEMETRY_SUMMARIES
from flyball.sim.broker import Broker
from flyball.sim.publisher import MemoryPublisher
from flyball.store.errors import Transient
from flyball.store.ports import Outgoing
from rollback_executor.desk import Desk
from rollback_executor.domain.inputs import CommandKind
from rollback_executor.requests import AskedPolicy, CommandRequest, Proposal, RollbackRequest
from tests.sim.rollouts.target import PointerServer

SYSTEM, BASELINE = "support", "1.0.0"
REQUESTS_PER_BUCKET = 200
POLICY = AskedPolicy(
    steps_basis_points=(5_000, 10_000),
    lateness_seconds=5,
    settle_seconds=0,
    dwell_seconds_min=30,
    stage_seconds_max=200,
    bake_seconds=20,
    candidate_interactions_min=100,
    fresh_seconds_max=60,
    hold_seconds_max=90,
    required_metrics=("errors",),
    tolerance_ppm=200_000,
    verify_seconds_max=90,
    verify_alone_seconds=10,
)
"""As short as the rules allow, so that a run has few events. A promotion takes minutes, not half an hour."""
OPEN_TO_COMMANDS: frozenset[RolloutStep] = frozenset({"canary", "bake", "paused", "held"})


@dataclass(frozen=True, slots=True)
class Served:
    """What one release served in one bucket."""

    bucket_start: datetime
    release: str
    count: int


@dataclass(slots=True)
class Agents:
    """Each bucket's traffic goes where the pointer was at its start and at its end; a summary may come late."""

    broker: Broker
    pointer: PointerServer
    bad_releases: frozenset[str]
    lag_seconds_max: float
    served: list[Served] = field(default_factory=list)

    async def run(self) -> None:
        world, under_way = self.broker.world, set[asyncio.Task[None]]()
        random = world.stream("traffic")
        while True:
            begins, bucket_start = world.loop.time(), world.now()
            await asyncio.sleep(BUCKET_SECONDS)
            made = list(self._of(bucket_start, begins))
            self.served += made
            lag_seconds = random.uniform(0, self.lag_seconds_max)
            task = asyncio.create_task(self._late([self._message(one, random) for one in made], lag_seconds))
            under_way.add(task)
            task.add_done_callback(under_way.discard)

    async def _late(self, messages: Sequence[Outgoing], lag_seconds: float) -> None:
        await asyncio.sleep(lag_seconds)
        await insisted(MemoryPublisher(self.broker), messages)

    def _of(self, bucket_start: datetime, begins: float) -> Sequence[Served]:
        held = [self.pointer.at(begins), self.pointer.at(begins + BUCKET_SECONDS)]
        stable = {pointer.stable if pointer else BASELINE for pointer in held}
        candidates = {pointer.candidate for pointer in held if pointer and pointer.candidate}
        count = REQUESTS_PER_BUCKET // len(stable | candidates)
        return [Served(bucket_start, release, count) for release in sorted(stable | candidates)]

    def _message(self, one: Served, random: Random) -> Outgoing:
        bad = one.count // 2 if one.release in self.bad_releases else one.count // 50
        summary = TelemetrySummary(
            tenant="default",
            system=SYSTEM,
            release=one.release,
            segment=None,
            bucket_start=one.bucket_start,
            event_time_max=one.bucket_start + timedelta(seconds=BUCKET_SECONDS - 1),
            interactions=InteractionStatistics(count=one.count, errors={"timeout": bad}),
        )
        return _fact(TELEMETRY_SUMMARIES, summary, random, one.bucket_start)


@dataclass(frozen=True, slots=True)
class Ledger:
    """Green at first; safety goes red after ``red_after_seconds``, where there is such a moment."""

    broker: Broker
    red_after_seconds: float | None

    async def run(self) -> None:
        random, publisher = self.broker.world.stream("budgets"), MemoryPublisher(self.broker)
        await insisted(publisher, [self._states("green", random)])
        if self.red_after_seconds is not None:
            await asyncio.sleep(self.red_after_seconds)
            await insisted(publisher, [self._states("red", random)])

    def _states(self, zone: str, random: Random) -> Outgoing:
        now = self.broker.world.now()
        statement = BudgetStatement(
            dimension="safety",
            zone=zone,
            target_ppm=950_000,
            weight_milli=1_000,
            granted=1,
            burned=0,
            available=1,
            remaining_ppm=1_000_000,
            policy_version=0,
            zone_since=None,
            entry=None,
        )
        states = BudgetStates(
            tenant="default", system=SYSTEM, as_of=now, cause="simulated", worst=zone, budgets=(statement,)
        )
        return _fact(BUDGET_STATES, states, random, now)


Kind = CommandKind | Literal["propose", "return", "stale"]


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person wants after a while; ``return`` is a rollback without naming the rollout."""

    after_seconds: float
    kind: Kind
    rollout: str
    candidate: str = ""


@dataclass(slots=True)
class Person:
    """Asks for one thing after another, each until it is answered. How far they came survives the desk's death."""

    broker: Broker
    desk: Desk[Any]
    wishes: Sequence[Wish]
    done: int = 0
    asked_at: float | None = None

    async def run(self) -> None:
        loop = self.broker.world.loop
        while self.done < len(self.wishes):
            wish = self.wishes[self.done]
            self.asked_at = self.asked_at if self.asked_at is not None else loop.time() + wish.after_seconds
            await asyncio.sleep(max(0.1, self.asked_at - loop.time()))
            try:
                await self._ask(wish)
            except Transient:
                continue
            self.done, self.asked_at = self.done + 1, None

    async def _ask(self, wish: Wish) -> None:
        if wish.kind == "propose":
            await self._propose(wish)
        elif wish.kind == "return":
            await self.desk.roll_back(RollbackRequest(system=SYSTEM, actor="user:ada", reason="back"))
        else:
            await self._command(wish)

    async def _propose(self, wish: Wish) -> None:
        held = await SimulatedSnapshot(self.desk).stable()
        proposal = Proposal(
            system=SYSTEM,
            baseline=held,
            candidate=wish.candidate,
            adapter="simulated",
            requested_by="user:ada",
            approved_by="user:grace",
            policy=POLICY,
        )
        await self.desk.propose(proposal, wish.rollout)

    async def _command(self, wish: Wish) -> None:
        async with self.desk.database.transaction() as transaction:
            found = await self.desk.rollouts(transaction).find(wish.rollout)
        if found is None:
            return
        epoch = max(0, found.rollout.epoch - 1) if wish.kind == "stale" else found.rollout.epoch
        kind: CommandKind = "rollback" if wish.kind in {"stale", "propose", "return"} else wish.kind  # type: ignore[assignment]
        request = CommandRequest(command=kind, epoch=epoch, actor="user:ada", reason=wish.kind)
        await self.desk.command(wish.rollout, request)


@dataclass(frozen=True, slots=True)
class SimulatedSnapshot:
    """What a person sees who looks at the target before proposing."""

    desk: Desk[Any]

    async def stable(self) -> str:
        target = self.desk.targets.target("simulated", None)  # type: ignore[arg-type]
        found = await target.snapshot() if target else None
        return found.stable if found else BASELINE


async def insisted(publisher: MemoryPublisher, messages: Sequence[Outgoing]) -> None:
    """Published at least once."""
    while True:
        try:
            return await publisher.publish(messages)
        except Transient:
            await asyncio.sleep(0.5)


def _fact(topic: Any, event: Any, random: Random, time: datetime) -> Outgoing:
    identity = UUID(int=random.getrandbits(128))
    return fact(topic, event, source="simulation", identity=identity, system=SYSTEM, time=time)
