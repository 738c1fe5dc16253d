"""notifier, two replicas of it, between services that alert, people and two providers; and what must hold."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

from flyball.bus.messages import fact
from flyball.bus.processor import Processor
from flyball.bus.retry import Backoff
from flyball.bus.subscription import Wiring
from flyball.observe.metrics import Metrics
from flyball.schemas.alerts import Alert
from flyball.schemas.topics import ALERTS, TOPICS
from flyball.sim.broker import Broker
from flyball.sim.database import MemoryDatabase
from flyball.sim.process import current_life
from flyball.sim.publisher import MemoryPublisher
from flyball.sim.runner import Service, Timing, behind
from flyball.sim.transaction import MemoryTransaction
from flyball.sim.world import World
from flyball.store.errors import Transient
from flyball.store.ports import Outgoing
from notifier.deliverer import Deliverer
from notifier.domain.board import Board
from notifier.domain.inputs import Acknowledged, Silence, SilenceEnded, SilenceSet
from notifier.domain.policy import Matcher, Policy, Route, Step
from notifier.service import Notifier, wiring
from notifier.ticker import Ticker
from tests.sim.paging import verdict
from tests.sim.paging.memory import MemoryBoards, MemoryChanges, MemoryIntents
from tests.sim.paging.provider import Provider

PARTITIONS = 2
REST_SECONDS_MAX = 900
LOOK_SECONDS = 6.0
TENANT = "default"
SYSTEMS, RULES = ("support", "search", "pay"), ("budget.zone", "drift.feature")
STEPS = (
    Step(target="on-call", channels=("pagerduty", "slack"), severity_max=1),
    Step(target="room", channels=("slack",)),
)
POLICY = Policy(
    wait_seconds=4,
    interval_seconds=12,
    refire_seconds=40,
    repeat_seconds=3_600,
    routes=(Route(name="default", steps=STEPS),),
)
"""As the defaults, in seconds where those have minutes."""
ADDRESSES = {(channel, step.target): "address" for step in STEPS for channel in step.channels}
TIMING = Timing(
    session_seconds=6,
    fetch_seconds=6,
    relay_idle_seconds=9,
    commit_seconds=12,
    backoff=Backoff(base_seconds=0.1, cap_seconds=2.0, attempts_max=12),
)


@dataclass(slots=True)
class Site:
    """One installation. ``deliverer_type`` is what a planted bug exchanges."""

    world: World
    deliverer_type: type[Deliverer[Any]] = Deliverer
    processor_type: type[Processor[Any]] = Processor
    broker: Broker = field(init=False)
    database: MemoryDatabase = field(init=False)
    channels: dict[str, Provider] = field(init=False)

    def __post_init__(self) -> None:
        self.broker = Broker(self.world)
        for topic in TOPICS:
            self.broker.create(topic.name, PARTITIONS)
        self.database = MemoryDatabase(self.world, "notifier-db")
        self.channels = {name: Provider(self.world, name) for name in ("pagerduty", "slack")}

    def notifier(self) -> Notifier[MemoryTransaction]:
        return Notifier(MemoryBoards, MemoryChanges, POLICY, Metrics("notifier"))

    def wiring(self) -> Wiring[Any]:
        return wiring(self.notifier())

    async def replica(self) -> None:
        """The program: what it reads, its clock, and what it sends."""
        life = current_life()
        assert life is not None
        notifier, random = self.notifier(), self.world.stream(f"luck of {life.process.name}")
        ticker = Ticker(
            notifier,
            self.database,
            self._due,
            self._reminders,
            lambda: True,
            LOOK_SECONDS,
            self.world.now,
            TIMING.backoff,
            random,
        )
        deliverer = self.deliverer_type(
            notifier,
            self.database,
            MemoryIntents,
            self.channels,
            ADDRESSES,
            lambda: True,
            LOOK_SECONDS,
            self.world.now,
            TIMING.backoff,
            random,
        )
        background = [life.spawn(ticker.run(), "ticker"), life.spawn(deliverer.run(), "deliverer")]
        await Service(self.database, self.wiring, self.processor_type, timing=TIMING).run(self.broker)
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)

    async def _due(self, now: Any, tenants_max: int) -> Sequence[str]:
        def effect() -> Sequence[str]:
            board = self.board()
            return [board.tenant][:tenants_max] if board.soonest is not None and board.soonest <= now else []

        found: Sequence[str] = await self.database.call("what is due", effect)
        return found

    async def _reminders(self, _now: Any, _rows_max: int) -> Sequence[tuple[str, str]]:
        """Post-mortems are due a day later; no run is that long."""
        return []

    def board(self) -> Board:
        known: Board = self.database.rows("boards").get(TENANT, Board(TENANT))
        return known

    def busy(self) -> bool:
        board = self.board()
        waits = any(delivery.state == "open" for delivery in board.deliveries.values())
        going = any(incident.open for incident in board.incidents.values())
        return waits or going or bool(behind(self.broker, self.database, self.wiring()))


@dataclass(frozen=True, slots=True)
class Paging:
    """The scenario: troubles that come, go and come again; each that lasts is told once, and so is its end."""

    deliverer_type: type[Deliverer[Any]] = Deliverer
    processor_type: type[Processor[Any]] = Processor

    async def __call__(self, world: World) -> None:
        site = Site(world, self.deliverer_type, self.processor_type)
        for number in (1, 2):
            world.process(f"notifier-{number}", site.replica)
        troubles = [Trouble(site.broker, system, world.stream(f"troubles of {system}")) for system in SYSTEMS]
        working = [world.process(f"service-{trouble.system}", trouble.run) for trouble in troubles]
        working.append(world.process("person", Person(site).run))
        await world.until(lambda: all(one.ended for one in working), REST_SECONDS_MAX, "everything happened")
        world.calm_down()
        await world.until(lambda: not site.busy(), REST_SECONDS_MAX, "everybody told")
        verdict.told(site)
        verdict.pages(site)
        verdict.published(site)
        verdict.replayed(site, POLICY)


@dataclass(slots=True)
class Trouble:
    """A service that alerts about one system. What it has begun to say survives it."""

    broker: Broker
    system: str
    random: Random
    begun: list[Alert] | None = None

    async def run(self) -> None:
        if self.begun is None:
            self.begun = []
            await self._happen(self.begun)
        for alert in self.begun:
            await self._say(self._over(alert))

    async def _happen(self, begun: list[Alert]) -> None:
        """Alerts of two rules begin and end, some again soon after; the last of each has ended."""
        for _ in range(self.random.randint(2, 4)):
            alert = self._alert(self.random.choice(RULES), self.random.randint(0, 2))
            begun.append(alert)
            await self._say(alert)
            await asyncio.sleep(self.random.uniform(0, 25))
            await self._say(self._over(alert))
            begun.remove(alert)
            await asyncio.sleep(self.random.uniform(0, 30))

    def _over(self, began: Alert) -> Alert:
        return began.model_copy(update={"status": "resolved", "ended_at": self.broker.world.now()})

    async def _say(self, alert: Alert) -> None:
        """Until it is acknowledged."""
        while True:
            try:
                await MemoryPublisher(self.broker).publish([self._letter(alert)])
            except Transient:
                continue
            return

    def _letter(self, alert: Alert) -> Outgoing:
        identity = UUID(int=self.random.getrandbits(128))
        now = self.broker.world.now()
        return fact(ALERTS, alert, source=f"service-{self.system}", identity=identity, system=self.system, time=now)

    def _alert(self, rule: str, severity: int) -> Alert:
        return Alert(
            tenant=TENANT,
            system=self.system,
            rule=rule,
            fingerprint=f"{self.system}/{rule}",
            severity=severity,
            status="firing",
            summary="it is bad",
            observed="41 %",
            threshold="50 %",
            window="30 d",
            sample_size=1_000,
            owner="team",
            runbook=None,
            started_at=self.broker.world.now(),
        )


@dataclass(slots=True)
class Person:
    """Acknowledges what is open, and silences one system for a while."""

    site: Site

    async def run(self) -> None:
        world, notifier, database = self.site.world, self.site.notifier(), self.site.database
        now, matchers = world.now(), (Matcher(name="system", value="pay"),)
        silence = Silence("quiet", matchers, now, now + timedelta(seconds=60), "ada", "move")
        for given in (SilenceSet(silence, world.now()), None, None, SilenceEnded("quiet", "ada", world.now())):
            await asyncio.sleep(world.random.uniform(0, 25))
            open_ = sorted(one.id for one in self.site.board().incidents.values() if one.open)
            said = given or (Acknowledged(open_[0], "user:ada", world.now()) if open_ else None)
            if said is not None:
                async with database.transaction() as transaction:
                    await notifier.decide(transaction, TENANT, [said])
