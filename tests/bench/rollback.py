"""From the first bad answer of a candidate to the confirmed rollback, by the default rules of a rollout."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from flyball.schemas.rollouts import RolloutPolicy
from flyball.store.redis import open_redis
from flyball.store.settings import StoreSettings
from rollback_executor.adapters.redis import RedisTarget
from rollback_executor.ports import TargetName
from tests.bench.figures import spread, table
from tests.bench.servers import Bench, bench
from tests.wire import rollouts
from tests.wire.outside import Broker
from tests.wire.rollouts import Agent, green_budget, working

WAIT_SECONDS_MAX = 400


@dataclass(frozen=True, slots=True)
class Timeline:
    """Seconds since the first bad answer."""

    evidence: float
    told: float
    confirmed: float


async def measure(repeats: int) -> str:
    """The figures as Markdown."""
    async with bench() as running:
        series = [await _timeline(running) for _ in range(repeats)]
    rows = [
        [name, spread([getattr(one, field) for one in series], ",.1f")]
        for name, field in (
            ("evidence of harm, rollback decided", "evidence"),
            ("target told", "told"),
            ("**confirmed in telemetry and on the target**", "confirmed"),
        )
    ]
    return f"{table([f'{repeats} runs, from the first bad answer to ...', 'seconds'], rows)}\n\n{_rules()}"


def _rules() -> str:
    rules = RolloutPolicy()
    return (
        f"{rollouts.REQUESTS_PER_ROUND / rollouts.ROUND_SECONDS:g} requests/s at most, 5 % of {rollouts.UNITS:,} users"
        f" on the candidate, which fails every third time. The default rules wait {rules.lateness_seconds} s for"
        f" stragglers, and confirm after {rules.verify_alone_seconds} s of the old release alone."
    )


async def _timeline(running: Bench) -> Timeline:
    """One rollout of a bad release on services of its own."""
    environment = {**await running.environment(), "FLYBALL_SERVICE_TOKEN": rollouts.SERVICE_TOKEN}
    broker, system = Broker(running.kafka), f"bench-{uuid4().hex[:8]}"
    async with AsyncExitStack() as stack:
        ingest = await stack.enter_async_context(running.service("telemetry-ingest", environment))
        await ingest.wait_ready()
        executor = await stack.enter_async_context(rollouts.executor(environment, running.logs))
        redis = await stack.enter_async_context(open_redis(StoreSettings.from_environment(environment)))
        await green_budget(environment, system)
        target = RedisTarget(redis, TargetName("default", system, "production"))
        agent = await stack.enter_async_context(working(Agent(broker, system, target.snapshot)))
        rollout_id = await executor.proposed(system, policy={})
        ended = await executor.step(rollout_id, "rolled_back", "rollback_failed", seconds=WAIT_SECONDS_MAX)
    if ended["step"] != "rolled_back" or agent.first_bad_at is None:
        raise RuntimeError(f"{rollout_id} ended as {ended['step']}: {ended['changes'][-1]['reason']}")
    at = {change["step"]: datetime.fromisoformat(change["changed_at"]) for change in ended["changes"]}
    since = agent.first_bad_at
    steps = ("rolling_back", "verifying", "rolled_back")
    return Timeline(*((at[step] - since).total_seconds() for step in steps))
