"""The whole service on Postgres, with a target of its own and a clock that the test moves."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any
from uuid import uuid4

import pytest
from rollout_builders import BASELINE, CANDIDATE, QUICK

from flyball.bus.records import Record
from flyball.bus.typed import Received
from flyball.observe.metrics import Metrics
from flyball.schemas.budgets import BudgetStatement, BudgetStates
from flyball.schemas.summaries import Histogram, InteractionStatistics, TelemetrySummary
from flyball.stats.decimal_bins import decimal_bin
from flyball.store.errors import Transient
from flyball.store.postgres import PostgresDatabase, PostgresTransaction, open_postgres
from flyball.store.settings import StoreSettings
from rollback_executor.adapters.postgres import PostgresRollouts
from rollback_executor.adapters.queue import PostgresQueue
from rollback_executor.adapters.reading import read_rollout
from rollback_executor.desk import Answer, Desk
from rollback_executor.domain.rollout import Pointer
from rollback_executor.ports import TargetName, TargetRefusedError
from rollback_executor.requests import AskedPolicy, Proposal
from rollback_executor.service import RollbackExecutor
from rollback_executor.worker import Worker

START = datetime(2026, 11, 21, 12, tzinfo=UTC)
PROPOSAL = Proposal(
    system="support",
    baseline=BASELINE,
    candidate=CANDIDATE,
    adapter="memory",
    requested_by="user:ada",
    approved_by="user:grace",
    policy=AskedPolicy(**QUICK.model_dump()),
)


@dataclass
class MemoryTarget:
    """Keeps the promises of ``Target``, or breaks one by name."""

    supports_partial: bool = True
    epoch: int = 0
    token: Pointer | None = None
    fault: str = ""
    runs: dict[str, str] | None = None

    async def snapshot(self) -> Pointer | None:
        return self.token

    async def apply(self, token: Pointer, epoch: int) -> None:
        if self.fault == "says_ok":
            return
        if epoch < self.epoch:
            raise TargetRefusedError(f"epoch {self.epoch} was here")
        self.epoch, self.token = epoch, token
        if self.fault == "times_out":
            raise Transient("no answer in time")

    async def observe(self) -> Mapping[str, str]:
        return self.runs or {"only": self.token.stable if self.token else "nothing"}


@dataclass
class Stage:
    """One service on one schema, whose clock the test moves."""

    database: PostgresDatabase
    memory: MemoryTarget = field(default_factory=MemoryTarget)
    now: datetime = START
    records: int = 0

    def __post_init__(self) -> None:
        self.service: RollbackExecutor[PostgresTransaction] = RollbackExecutor(PostgresRollouts, Metrics("test"))
        self.desk = Desk(self.database, PostgresRollouts, self.service, self, lambda: self.now)
        queue = PostgresQueue(self.database, timedelta(seconds=10))
        self.worker = Worker(self.database, PostgresRollouts, queue, self.service, self, 10, 5, lambda: self.now)

    def target(self, adapter: str, name: TargetName) -> MemoryTarget | None:
        return self.memory if adapter == "memory" else None

    def known(self) -> Sequence[str]:
        return ["memory"]

    async def budgets(self, **zones: str) -> None:
        statements = tuple(
            BudgetStatement(
                dimension=name,
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
            for name, zone in zones.items()
        )
        worst = "red" if "red" in zones.values() else "no_data" if set(zones.values()) == {"no_data"} else "green"
        states = BudgetStates(
            tenant="default", system="support", as_of=self.now, cause="x", worst=worst, budgets=statements
        )
        async with self.database.transaction() as transaction:
            await self.service.on_budgets(transaction, [self.received(states)])

    async def summaries(self, *made: TelemetrySummary) -> None:
        async with self.database.transaction() as transaction:
            await self.service.on_summaries(transaction, [self.received(one) for one in made])

    def received(self, event: Any) -> Received[Any]:
        self.records += 1
        record = Record("t", 0, self.records, int(self.now.timestamp() * 1_000), None, None, ())
        return Received(event, uuid4(), record)

    async def work(self, seconds: float = 10) -> None:
        self.now += timedelta(seconds=seconds)
        # As a database clock does, which the intents' due times come from.
        await self.database.fetch("UPDATE effects SET next_try_at = $1 WHERE outcome IS NULL", self.now)
        await self.worker.order_all()
        await self.worker.observe_all()
        await self.worker.tick_all()

    async def play(self, seconds: int, bad: Mapping[str, int], counts: Mapping[str, int]) -> None:
        """Ten seconds at a time: telemetry of each release, then everything that happens by itself."""
        for _ in range(0, seconds, 10):
            at = self.now
            self.now += timedelta(seconds=3)
            await self.summaries(*(summary(at, name, count, bad.get(name, 0)) for name, count in counts.items()))
            await self.work(7)

    async def step(self, answer: Answer) -> str:
        assert answer.rollout is not None
        found = await read_rollout(self.database, answer.rollout.id)
        assert found is not None
        return found.rollout.step


def summary(at: datetime, release: str, count: int, bad: int) -> TelemetrySummary:
    bins = {decimal_bin(100_000): count}
    return TelemetrySummary(
        tenant="default",
        system="support",
        release=release,
        segment=None,
        bucket_start=at.replace(second=at.second // 10 * 10, microsecond=0),
        event_time_max=at,
        interactions=InteractionStatistics(
            count=count, errors={"timeout": bad} if bad else {}, latency_us=Histogram(count=count, bins=bins)
        ),
    )


@pytest.fixture
async def stage(postgres_dsn: str) -> AsyncIterator[Stage]:
    settings = StoreSettings.from_environment({"FLYBALL_POSTGRES": postgres_dsn})
    migrations = [files("rollback_executor").joinpath("migrations")]
    async with open_postgres(settings, f"rollback_{uuid4().hex[:8]}", migrations) as opened:
        yield Stage(opened)


async def bad_release(stage: Stage) -> Answer:
    await stage.budgets(accuracy="green")
    answer = await stage.desk.propose(PROPOSAL, "rollout-1")
    assert answer.reasons == ()
    await stage.play(600, {CANDIDATE: 20, BASELINE: 9}, {BASELINE: 950, CANDIDATE: 50})
    return answer
