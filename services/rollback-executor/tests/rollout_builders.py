"""Rollouts and their inputs for the tests, by what matters in each."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random

import numpy as np

from flyball.schemas.rollouts import RolloutChanged, RolloutPolicy
from flyball.stats.decimal_bins import decimal_bin
from rollback_executor.domain.blocks import Counts, Observed
from rollback_executor.domain.decide import decide
from rollback_executor.domain.facts import Fact
from rollback_executor.domain.inputs import Command, Input, Receipt, Replicas, Tick
from rollback_executor.domain.rollout import STAGES, Pointer, Rollout

START = datetime(2026, 11, 21, 12, tzinfo=UTC)
BASELINE, CANDIDATE = "1.4.0", "1.5.0"
QUICK = RolloutPolicy(settle_seconds=0, dwell_seconds_min=60, candidate_interactions_min=20)


def rollout(policy: RolloutPolicy = QUICK) -> Rollout:
    return Rollout(
        id="rollout-1",
        tenant="default",
        system="support",
        environment="production",
        baseline=BASELINE,
        candidate=CANDIDATE,
        adapter="redis",
        requested_by="user:ada",
        policy_version=0,
        owner="team-support",
        restore=Pointer(stable=BASELINE),
        epoch=1,
        opened_at=START,
    )


def seen(
    at: datetime,
    release: str,
    count: int,
    bad: int = 0,
    *,
    slow: int = 0,
    quality: tuple[int, int] = (0, 0),
    safety: tuple[int, int] = (0, 0),
    delay_seconds: float = 3,
) -> Observed:
    """A summary of the ten seconds from ``at``; ``slow`` interactions take 2 s, the others 100 ms."""
    bins = {decimal_bin(100_000): count - slow, decimal_bin(2_000_000): slow}
    counts = Counts(
        interactions=count,
        errors=bad,
        latency_bins={index: n for index, n in bins.items() if n},
        quality_bad=quality[0],
        quality_count=quality[1],
        safety_bad=safety[0],
        safety_count=safety[1],
    )
    recorded_at = at + timedelta(seconds=10 + delay_seconds)
    return Observed(recorded_at=recorded_at, bucket_start=at, release=release, counts=counts)


@dataclass
class World:
    """Drives one rollout as the service does: targets answer at once, telemetry follows the share."""

    policy: RolloutPolicy = QUICK
    rollout: Rollout = field(default_factory=rollout)
    now: datetime = START
    facts: list[Fact] = field(default_factory=list)
    inputs: list[Input] = field(default_factory=list)

    def give(self, given: Input) -> Sequence[Fact]:
        self.inputs.append(given)
        self.rollout, facts = decide(self.rollout, given, self.policy)
        self.facts += facts
        return facts

    def command(self, kind: str, epoch: int | None = None, actor: str = "user:ada") -> Sequence[Fact]:
        epoch = self.rollout.epoch if epoch is None else epoch
        return self.give(Command(kind=kind, epoch=epoch, actor=actor, reason=kind, at=self.now))  # type: ignore[arg-type]

    def receipt(self, outcome: str = "accepted", epoch: int | None = None) -> Sequence[Fact]:
        epoch = self.rollout.epoch if epoch is None else epoch
        return self.give(Receipt(epoch=epoch, outcome=outcome, detail="told", at=self.now))  # type: ignore[arg-type]

    def replicas(self, *versions: str) -> Sequence[Fact]:
        found = {f"replica-{n}": version for n, version in enumerate(versions)}
        return self.give(Replicas(versions=found, at=self.now))

    def tick(self, seconds: float = 10) -> Sequence[Fact]:
        self.now += timedelta(seconds=seconds)
        return self.give(Tick(at=self.now, elapsed_ms=int(seconds * 1_000)))

    def start(self) -> "World":
        self.command("approve")
        self.receipt()
        return self

    def traffic(self, *summaries: Observed) -> list[Fact]:
        caused: list[Fact] = []
        for one in summaries:
            self.now = max(self.now, one.recorded_at)
            caused += self.give(one)
        return caused

    @property
    def steps(self) -> list[str]:
        """Steps in the order in which they were told, each once in a row."""
        told = [fact.step for fact in self.facts if isinstance(fact, RolloutChanged)]
        return [step for n, step in enumerate(told) if n == 0 or told[n - 1] != step]


@dataclass(frozen=True)
class Rates:
    """Requests per second, and the share of bad ones by arm as functions of seconds since the start."""

    per_second: float
    baseline: float = 0.01
    candidate: float = 0.01
    incident: tuple[int, int, float] = (0, 0, 0.0)
    """From, to (seconds) and how much worse both arms are meanwhile."""

    def at(self, second: int) -> tuple[float, float]:
        begins, ends, extra = self.incident
        more = extra if begins <= second < ends else 0.0
        return min(1.0, self.baseline + more), min(1.0, self.candidate + more)


def simulate(world: World, rates: Rates, seconds_max: int, random: Random | None = None, seed: int = 0) -> World:
    """Play until the rollout leaves its stages or time is over; each change of share is answered at once."""
    rng = np.random.default_rng(seed)
    begins = world.now
    for second in range(0, seconds_max, 10):
        if world.rollout.step not in STAGES:
            break
        if world.rollout.stage.applied_at is None:
            world.receipt()
        for one in _ten_seconds(world, begins, second, rates, rng):
            world.traffic(one)
    return world


def _ten_seconds(
    world: World, begins: datetime, second: int, rates: Rates, rng: np.random.Generator
) -> Iterator[Observed]:
    share = world.rollout.share_basis_points / 10_000
    at = begins + timedelta(seconds=second)
    for release, part, bad_share in zip((BASELINE, CANDIDATE), (1 - share, share), rates.at(second), strict=True):
        count = int(rng.poisson(rates.per_second * 10 * part))
        if count:
            slow = int(rng.binomial(count, 0.03))
            yield seen(at, release, count, int(rng.binomial(count, bad_share)), slow=slow)


def restored(world: World) -> World:
    """A rollback as it should go: the target accepts, replicas follow, telemetry shows the baseline alone."""
    world.receipt()
    world.replicas(BASELINE, BASELINE)
    begins = world.now
    for second in range(0, 120, 10):
        world.traffic(seen(begins + timedelta(seconds=second), BASELINE, 20))
    return world


def changed_policy(**rules: object) -> RolloutPolicy:
    return RolloutPolicy.model_validate_json(json.dumps({**QUICK.model_dump(mode="json"), **rules}))


def fresh(policy: RolloutPolicy = QUICK) -> World:
    return World(policy=policy, rollout=replace(rollout(), opened_at=START))
