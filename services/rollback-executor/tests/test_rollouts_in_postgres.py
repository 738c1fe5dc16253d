"""The whole service on Postgres, with a target of its own: proposals, orders, receipts, replay."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any
from uuid import uuid4

import asyncpg
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
from rollback_executor.adapters.reading import read_changes, read_effects, read_rollout, read_rollouts
from rollback_executor.adapters.rows import ROLLOUT
from rollback_executor.desk import Answer, Desk
from rollback_executor.domain.decide import decide_all
from rollback_executor.domain.inputs import input_of
from rollback_executor.domain.rollout import Pointer
from rollback_executor.ports import TargetName, TargetRefusedError
from rollback_executor.requests import AskedPolicy, CommandRequest, Proposal, RollbackRequest
from rollback_executor.service import RollbackExecutor
from rollback_executor.worker import Worker

pytestmark = pytest.mark.stack
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


async def test_a_bad_release_is_found_rolled_back_and_proven(stage: Stage) -> None:
    answer = await bad_release(stage)
    assert stage.memory.token == Pointer(stable=BASELINE)
    await stage.play(200, {}, {BASELINE: 1_000})
    assert await stage.step(answer) == "rolled_back"
    effects = await read_effects(stage.database, "rollout-1")
    assert [(row["epoch"], row["step"], row["outcome"]) for row in effects] == [
        (2, "canary:500", "accepted"),
        (3, "rolling_back:0", "accepted"),
    ]
    steps = [change["step"] for change in await read_changes(stage.database, "rollout-1", 100)]
    assert steps == ["proposed", "approved", "canary", "rolling_back", "verifying", "rolled_back"]


async def test_the_adapter_that_says_yes_and_does_nothing_ends_in_a_failed_rollback(stage: Stage) -> None:
    await stage.budgets(accuracy="green")
    answer = await stage.desk.propose(PROPOSAL, "rollout-1")
    await stage.play(60, {}, {BASELINE: 950, CANDIDATE: 50})
    stage.memory.fault = "says_ok"
    stage.memory.runs = {"a": CANDIDATE}
    await stage.play(900, {CANDIDATE: 20, BASELINE: 9}, {BASELINE: 950, CANDIDATE: 50})
    assert await stage.step(answer) == "verifying"
    await stage.play(900, {}, {BASELINE: 950, CANDIDATE: 50})
    assert await stage.step(answer) == "rollback_failed"


async def test_an_order_that_times_out_and_worked_is_rolled_back(stage: Stage) -> None:
    answer = await bad_release(stage)
    stage.memory.fault = "times_out"
    retry = await stage.desk.roll_back(RollbackRequest(system="support", actor="user:ada", reason="again"))
    assert retry.reasons, "it is on its way back already"
    await stage.play(200, {}, {BASELINE: 1_000})
    assert await stage.step(answer) == "rolled_back"


async def test_a_first_order_that_times_out_is_asked_again_until_it_is_answered(stage: Stage) -> None:
    await stage.budgets(accuracy="green")
    stage.memory.fault = "times_out"
    await stage.desk.propose(PROPOSAL, "rollout-1")
    for _ in range(3):
        await stage.work()
    (effect,) = await read_effects(stage.database, "rollout-1")
    assert (effect["outcome"], effect["attempts"]) == (None, 3)
    stage.memory.fault = ""
    await stage.work()
    (effect,) = await read_effects(stage.database, "rollout-1")
    assert effect["outcome"] == "accepted"


async def test_the_journal_decides_the_same_again(stage: Stage) -> None:
    await bad_release(stage)
    await stage.play(200, {}, {BASELINE: 1_000})
    found = await read_rollout(stage.database, "rollout-1")
    assert found is not None
    (row,) = await stage.database.fetch("SELECT opening FROM rollouts")
    inputs = await stage.database.fetch("SELECT kind, body FROM inputs ORDER BY sequence")
    replayed, facts = decide_all(
        ROLLOUT.validate_json(row["opening"]),
        [input_of(each["kind"], json.loads(each["body"])) for each in inputs],
        found.policy,
    )
    assert replayed == found.rollout
    changes = await read_changes(stage.database, "rollout-1", 100)
    assert [fact.model_dump(mode="json") for fact in facts if hasattr(fact, "step") and hasattr(fact, "version")] == (
        changes[1:]
    )


@pytest.mark.parametrize(
    ("zones", "reasons"),
    [
        ({}, ["no budget state is known of this system: does telemetry of it arrive?"]),
        ({"accuracy": "no_data"}, ["no budget of this system has data"]),
        (
            {"accuracy": "red", "safety": "red", "performance": "green"},
            ["the accuracy budget is in red", "the safety budget is in red"],
        ),
    ],
)
async def test_the_gate_refuses_with_every_reason_and_on_the_record(
    stage: Stage, zones: dict[str, str], reasons: list[str]
) -> None:
    if zones:
        await stage.budgets(**zones)
    answer = await stage.desk.propose(PROPOSAL, "rollout-1")
    assert answer.reasons == reasons
    assert answer.rollout is None
    recorded = [json.loads(row["body"]) for row in await stage.database.fetch("SELECT body FROM outbox")]
    assert [(record["kind"], record["inputs"]["reasons"]) for record in recorded] == [("rollout.gate", reasons)]


async def test_one_open_rollout_per_system_and_environment(stage: Stage) -> None:
    await stage.budgets(accuracy="green")
    first = await stage.desk.propose(PROPOSAL, "rollout-1")
    assert (await stage.desk.propose(PROPOSAL, "rollout-1")).rollout == first.rollout, "the same one again"
    second = await stage.desk.propose(PROPOSAL, "rollout-2")
    assert "rollout rollout-1 of default/support/production is open (canary)" in second.reasons
    staging = PROPOSAL.model_copy(update={"environment": "staging"})
    assert (await stage.desk.propose(staging, "rollout-3")).reasons == ()
    with pytest.raises(asyncpg.UniqueViolationError):
        await stage.database.fetch(
            "INSERT INTO rollouts (id, tenant, system, environment, adapter, step, is_open, is_watched, epoch, version,"
            " sequence, ticked_at, policy, opening, state) SELECT 'rollout-4', tenant, system, environment, adapter,"
            " step, is_open, is_watched, epoch, version, sequence, ticked_at, policy, opening, state FROM rollouts"
            " WHERE id = 'rollout-1'"
        )


async def test_a_stale_command_changes_nothing(stage: Stage) -> None:
    await stage.budgets(accuracy="green")
    answer = await stage.desk.propose(PROPOSAL, "rollout-1")
    stale = CommandRequest(command="pause", epoch=1, actor="user:ada", reason="wait")
    refused = await stage.desk.command("rollout-1", stale)
    assert "epoch 2" in refused.reasons[0]
    assert await stage.step(answer) == "canary"


async def test_epochs_grow_across_rollouts_of_a_target(stage: Stage) -> None:
    answer = await bad_release(stage)
    await stage.play(200, {}, {BASELINE: 1_000})
    assert await stage.step(answer) == "rolled_back"
    second = await stage.desk.propose(PROPOSAL, "rollout-2")
    assert second.rollout is not None
    assert second.rollout.epoch == 5
    assert second.rollout.barred_until is not None, "one rollback happened by itself within the hour"


async def test_a_red_budget_rolls_back(stage: Stage) -> None:
    await stage.budgets(accuracy="green", safety="green")
    answer = await stage.desk.propose(PROPOSAL, "rollout-1")
    await stage.work()
    await stage.budgets(accuracy="green", safety="red")
    assert await stage.step(answer) == "rolling_back"
    changes = await read_rollouts(stage.database, "default", "support", None, None, 10, open_only=True)
    assert changes[0][1]["reason"] == "budget in its worst zone: safety"


@pytest.mark.parametrize("change", ["UPDATE inputs SET kind = 'x'", "DELETE FROM changes", "TRUNCATE inputs"])
async def test_journal_and_changes_are_append_only(stage: Stage, change: str) -> None:
    await stage.budgets(accuracy="green")
    await stage.desk.propose(PROPOSAL, "rollout-1")
    with pytest.raises((asyncpg.RaiseError, asyncpg.FeatureNotSupportedError)):
        await stage.database.fetch(change)


async def test_one_automatic_rollback_in_an_hour_whatever_the_environment(stage: Stage) -> None:
    await stage.budgets(accuracy="green")
    await stage.desk.propose(PROPOSAL, "rollout-1")
    stage.memory.token = None
    staging = await stage.desk.propose(PROPOSAL.model_copy(update={"environment": "staging"}), "rollout-2")
    assert staging.reasons == ()
    await stage.work()
    await stage.play(600, {CANDIDATE: 20, BASELINE: 9}, {BASELINE: 950, CANDIDATE: 50})
    steps = {row["id"]: row["step"] for row in await stage.database.fetch("SELECT id, step FROM rollouts")}
    assert sorted(steps.values()) == ["held", "verifying"]
    alerts = [json.loads(r["body"]) for r in await stage.database.fetch("SELECT body FROM outbox ORDER BY id")]
    assert [(a["rule"], a["severity"]) for a in alerts if "fingerprint" in a] == [
        ("rollout.rollback", 2),
        ("rollout.second_rollback", 1),
    ]


async def test_an_order_that_a_newer_one_replaced_is_never_carried_out(stage: Stage) -> None:
    await stage.budgets(accuracy="green")
    await stage.desk.propose(PROPOSAL, "rollout-1")
    await stage.desk.roll_back(RollbackRequest(system="support", actor="user:ada", reason="no"))
    await stage.work()
    effects = await read_effects(stage.database, "rollout-1")
    assert [(row["epoch"], row["outcome"]) for row in effects] == [(2, "superseded"), (3, "accepted")]
    assert stage.memory.token == Pointer(stable=BASELINE)
