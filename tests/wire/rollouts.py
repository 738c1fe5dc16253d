"""Rollouts on real servers: agents that follow a pointer, a switch that may lie, and rollback-executor as a process."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from flyball.bus.messages import fact
from flyball.bus.producer import open_publisher
from flyball.bus.settings import KafkaSettings
from flyball.schemas.budgets import BudgetStatement, BudgetStates
from flyball.schemas.topics import AGENT_EVENTS, BUDGET_STATES
from flyball.stack import ServiceProcess
from rollback_executor.domain.rollout import Pointer
from rollback_executor.domain.routing import release_for
from tests.wire.outside import Broker, Letter, until
from tests.wire.switch import Switch

SERVICE_TOKEN = "token-of-the-tests-on-loopback"
BASELINE, CANDIDATE = "1.4.0", "1.5.0"
UNITS = 4_000
"""At 5 % the candidate has the two hundred users that its policy asks for."""
REQUESTS_PER_ROUND, ROUND_SECONDS = 200, 0.5
QUICK = {"settle_seconds": 0, "lateness_seconds": 2, "verify_alone_seconds": 5, "verify_seconds_max": 120}
"""As in production, but for how long one waits for stragglers."""
Snapshot = Callable[[], Awaitable[Pointer | None]]


@dataclass(slots=True)
class Agent:
    """Users who ask in turn, served by the release that the pointer gives each; a bad one fails every third request."""

    broker: Broker
    system: str
    snapshot: Snapshot
    bad: frozenset[str] = frozenset({CANDIDATE})
    first_bad_at: datetime | None = None

    async def run(self) -> None:
        """Until cancelled."""
        users = count()
        while True:
            pointer = await self.snapshot()
            letters = [self._letter(pointer, next(users)) for _ in range(REQUESTS_PER_ROUND)]
            await asyncio.to_thread(self.broker.publish, letters)
            await asyncio.sleep(ROUND_SECONDS)

    def _letter(self, pointer: Pointer | None, number: int) -> Letter:
        release = release_for(pointer, f"user-{number % UNITS}") if pointer else BASELINE
        failed = release in self.bad and number % 3 == 0
        now = datetime.now(UTC)
        if failed and self.first_bad_at is None:
            self.first_bad_at = now
        event = {
            "specversion": "1.0",
            "id": str(uuid4()),
            "source": "tests/agent",
            "type": "interaction.completed",
            "subject": self.system,
            "time": now.isoformat(),
            "data": {
                "interaction_id": str(uuid4()),
                "release": release,
                "outcome": "timeout" if failed else "ok",
                "latency_ms": 120.0,
            },
        }
        return Letter(AGENT_EVENTS.name, self.system.encode(), json.dumps(event).encode())


@asynccontextmanager
async def working(agent: Agent) -> AsyncIterator[Agent]:
    """The agent works for as long as the block lasts; its own failure is the block's."""
    task = asyncio.create_task(agent.run())
    try:
        yield agent
        assert not task.done(), task.exception()
    finally:
        task.cancel()


@dataclass(slots=True)
class Executor:
    """rollback-executor as a process, and its HTTP port."""

    process: ServiceProcess
    client: httpx.AsyncClient

    async def propose(self, system: str, **more: object) -> httpx.Response:
        body = {
            "system": system,
            "baseline": BASELINE,
            "candidate": CANDIDATE,
            "requested_by": "user:ada",
            "approved_by": "user:grace",
            "policy": QUICK,
            **more,
        }
        return await self.client.post("/v1/rollouts", json=body, headers={"idempotency-key": "first"})

    async def proposed(self, system: str, **more: object) -> str:
        """Ask until the gate knows the budgets; the rollout's id."""
        answer = await until(lambda: self.propose(system, **more), lambda said: said.status_code == 201, 60)
        assert answer.status_code == 201, answer.text
        identity: str = answer.json()["rollout_id"]
        return identity

    async def show(self, rollout_id: str) -> dict[str, Any]:
        answer = await self.client.get(f"/v1/rollouts/{rollout_id}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def step(self, rollout_id: str, *steps: str, seconds: float = 180) -> dict[str, Any]:
        """The rollout once it is in one of the steps."""
        found = await until(lambda: self.show(rollout_id), lambda now: now["step"] in steps, seconds)
        assert found["step"] in steps, json.dumps({**found, "changes": found["changes"][-1:]}, indent=1)
        return found

    async def roll_back(self, system: str) -> None:
        body = {"system": system, "actor": "user:ada", "reason": "I do not like it"}
        answer = await self.client.post("/v1/rollbacks", json=body)
        assert answer.status_code == 202, answer.text


@asynccontextmanager
async def executor(environment: Mapping[str, str], logs: Path) -> AsyncIterator[Executor]:
    quick = {
        "FLYBALL_SERVICE_TOKEN": SERVICE_TOKEN,
        "FLYBALL_ROLLOUT_TICK_SECONDS": "1",
        "FLYBALL_ROLLOUT_OBSERVE_SECONDS": "1",
    }
    service = ServiceProcess("rollback-executor", {**quick, **environment}, logs)
    await service.start()
    headers = {"authorization": f"Bearer {SERVICE_TOKEN}"}
    try:
        async with httpx.AsyncClient(base_url=service.url, headers=headers, timeout=30) as client:
            yield Executor(service, client)
            assert service.running, service.process.log_tail()
    finally:
        # Gracefully: the group of one that was killed waits for its session before it serves the next test.
        await service.stop()


async def green_budget(environment: Mapping[str, str], system: str) -> None:
    """A budget state as the ledger publishes it, from before the rollout."""
    now = datetime.now(UTC)
    statement = BudgetStatement(
        dimension="performance",
        zone="green",
        target_ppm=950_000,
        weight_milli=300,
        granted=1_000_000,
        burned=0,
        available=1_000_000,
        remaining_ppm=1_000_000,
        policy_version=0,
        zone_since=now,
        entry=None,
    )
    states = BudgetStates(
        tenant="default", system=system, as_of=now, cause="tests", worst="green", budgets=(statement,)
    )
    message = fact(BUDGET_STATES, states, source="tests", identity=uuid4(), system=system, time=now)
    async with open_publisher(KafkaSettings.from_environment(environment), "tests") as publisher:
        await publisher.publish([message])


async def in_canary(
    executor: Executor, environment: Mapping[str, str], lever: Switch, system: str, *, verify_seconds_max: int = 120
) -> str:
    """A rollout whose share the switch has taken."""
    await green_budget(environment, system)
    policy = {**QUICK, "verify_seconds_max": verify_seconds_max}
    rollout_id = await executor.proposed(system, adapter="webhook", policy=policy)
    await until(lever.snapshot, lambda pointer: pointer is not None)
    return rollout_id
