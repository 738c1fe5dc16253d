"""A bad release at a share of 5 %, on real servers: found, rolled back, and confirmed in telemetry."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from flyball.bus.messages import fact
from flyball.bus.producer import open_publisher
from flyball.bus.settings import KafkaSettings
from flyball.schemas.audit import AuditRecord
from flyball.schemas.budgets import BudgetStatement, BudgetStates
from flyball.schemas.rollouts import RolloutChanged
from flyball.schemas.topics import AGENT_EVENTS, AUDIT_RECORDS, BUDGET_STATES, ROLLOUTS
from flyball.stack import LocalStack, ServiceProcess
from flyball.store.redis import open_redis
from flyball.store.settings import StoreSettings
from rollback_executor.adapters.redis import RedisTarget
from rollback_executor.domain.routing import release_for
from rollback_executor.ports import TargetName
from tests.conftest import SERVICE_TOKEN
from tests.wire.outside import Broker, Letter, until

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]
BASELINE, CANDIDATE = "1.4.0", "1.5.0"
UNITS = 400
POLICY = {
    "settle_seconds": 0,
    "lateness_seconds": 2,
    "verify_alone_seconds": 10,
    "verify_seconds_max": 120,
}
"""As in production, but for how long one waits for stragglers."""


@pytest.fixture
async def executor(
    environment: Mapping[str, str], services: Mapping[str, ServiceProcess], tmp_path: Path
) -> AsyncIterator[httpx.AsyncClient]:
    """rollback-executor beside telemetry-ingest, and a client with the service's token."""
    quick = {"FLYBALL_ROLLOUT_TICK_SECONDS": "1", "FLYBALL_ROLLOUT_OBSERVE_SECONDS": "1"}
    service = ServiceProcess("rollback-executor", {**environment, **quick}, tmp_path)
    await service.start()
    headers = {"authorization": f"Bearer {SERVICE_TOKEN}"}
    try:
        async with httpx.AsyncClient(base_url=service.url, headers=headers, timeout=30) as client:
            yield client
    finally:
        assert service.running, service.process.log_tail()
        await service.kill()


@pytest.fixture
async def target(full_stack: LocalStack, system: str) -> AsyncIterator[RedisTarget]:
    async with open_redis(StoreSettings.from_environment(full_stack.environment)) as client:
        yield RedisTarget(client, TargetName("default", system, "production"))


class Agent:
    """Four hundred users whose requests follow the pointer; the candidate fails every third time."""

    def __init__(self, broker: Broker, target: RedisTarget, system: str) -> None:
        self.broker, self.target, self.system = broker, target, system
        self.requests = 0

    async def run(self) -> None:
        """Until cancelled. It says what it runs, as a replica should."""
        while True:
            pointer = await self.target.snapshot()
            letters = []
            for unit in range(UNITS):
                release = release_for(pointer, f"user-{unit}") if pointer else BASELINE
                self.requests += 1
                letters.append(self._letter(release, failed=release == CANDIDATE and self.requests % 3 == 0))
            if pointer:
                await self.target.report("agent-1", pointer.stable)
            await asyncio.to_thread(self.broker.publish, letters)
            await asyncio.sleep(0.5)

    def _letter(self, release: str, *, failed: bool) -> Letter:
        event = {
            "specversion": "1.0",
            "id": str(uuid4()),
            "source": "tests/agent",
            "type": "interaction.completed",
            "subject": self.system,
            "time": datetime.now(UTC).isoformat(),
            "data": {
                "interaction_id": str(uuid4()),
                "release": release,
                "outcome": "timeout" if failed else "ok",
                "latency_ms": 120.0,
            },
        }
        return Letter(AGENT_EVENTS.name, self.system.encode(), json.dumps(event).encode())


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


async def step_of(executor: httpx.AsyncClient, rollout_id: str) -> dict[str, Any]:
    answer = await executor.get(f"/v1/rollouts/{rollout_id}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_bad_release_is_found_rolled_back_and_confirmed(
    executor: httpx.AsyncClient,
    environment: Mapping[str, str],
    broker: Broker,
    target: RedisTarget,
    system: str,
) -> None:
    since = {topic.name: broker.ends(topic.name) for topic in (ROLLOUTS, AUDIT_RECORDS)}
    proposal = {
        "system": system,
        "baseline": BASELINE,
        "candidate": CANDIDATE,
        "requested_by": "user:ada",
        "approved_by": "user:grace",
        "policy": POLICY,
    }
    refused = await executor.post("/v1/rollouts", json=proposal)
    assert refused.status_code == 409, "nothing is known of this system, so it may not start"
    await green_budget(environment, system)
    agent = asyncio.create_task(Agent(broker, target, system).run())
    try:
        headers = {"idempotency-key": "first"}

        async def propose() -> httpx.Response:
            return await executor.post("/v1/rollouts", json=proposal, headers=headers)

        started = await until(propose, lambda answer: answer.status_code == 201, 30)
        assert started.status_code == 201, started.text
        rollout_id = started.json()["rollout_id"]
        again = await executor.post("/v1/rollouts", json=proposal, headers=headers)
        assert again.json()["rollout_id"] == rollout_id
        found = await until(
            lambda: step_of(executor, rollout_id), lambda now: now["step"] not in {"approved", "canary"}, 120
        )
        evidence_at = time.monotonic()
        assert found["step"] in {"rolling_back", "verifying", "rolled_back"}, found
        ended = await until(
            lambda: step_of(executor, rollout_id),
            lambda now: now["step"] in {"rolled_back", "rollback_failed"},
            120,
        )
        seconds = time.monotonic() - evidence_at
    finally:
        agent.cancel()
    assert ended["step"] == "rolled_back", ended["changes"][-1]
    pointer = await target.snapshot()
    assert pointer is not None
    assert (pointer.stable, pointer.candidate) == (BASELINE, None)
    route = await executor.get("/v1/route", params={"system": system, "unit": "user-1"})
    assert route.json()["release"] == BASELINE
    told = [change["changed_at"] for change in ended["changes"] if change["step"] in {"rolling_back", "rolled_back"}]
    first, last = (datetime.fromisoformat(text) for text in (told[0], told[-1]))
    print(
        f"\nfrom evidence to confirmed rollback: {(last - first).total_seconds():.1f} s ({seconds:.1f} s seen outside)"
    )
    assert (last - first).total_seconds() < 60
    check_topics(broker, since, system, rollout_id)


def check_topics(broker: Broker, since: Mapping[str, Mapping[int, int]], system: str, rollout_id: str) -> None:
    """Each change is on the topic and on the record, once and in order."""
    changes = [
        RolloutChanged.model_validate_json(message.value())
        for message in broker.read(ROLLOUTS.name, since[ROLLOUTS.name])
        if message.key() == system.encode()
    ]
    assert [change.version for change in changes] == list(range(1, len(changes) + 1))
    assert changes[0].rollout_id == rollout_id
    steps = [change.step for change in changes]
    assert steps[:3] == ["proposed", "approved", "canary"]
    assert steps[-3:] == ["rolling_back", "verifying", "rolled_back"]
    assert any(change.reason.startswith("harm in errors") for change in changes)
    records = [
        AuditRecord.model_validate_json(message.value())
        for message in broker.read(AUDIT_RECORDS.name, since[AUDIT_RECORDS.name])
        if message.key() == system.encode()
    ]
    mine = [record for record in records if record.service == "rollback-executor"]
    assert mine[0].decision == "refused"
    assert [record.decision for record in mine if record.decision != "refused"] == steps
