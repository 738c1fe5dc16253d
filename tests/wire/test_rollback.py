"""A bad release at a share of 5 %, on real servers: found, rolled back, and confirmed in telemetry."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from flyball.schemas.audit import AuditRecord
from flyball.schemas.rollouts import RolloutChanged
from flyball.schemas.topics import AUDIT_RECORDS, ROLLOUTS
from flyball.stack import LocalStack, ServiceProcess
from flyball.store.redis import open_redis
from flyball.store.settings import StoreSettings
from rollback_executor.adapters.redis import RedisTarget
from rollback_executor.domain.rollout import Pointer
from rollback_executor.ports import TargetName
from tests.wire import rollouts
from tests.wire.outside import Broker
from tests.wire.rollouts import BASELINE, Agent, Executor, green_budget, working

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]


@pytest.fixture
async def executor(
    environment: Mapping[str, str], services: Mapping[str, ServiceProcess], tmp_path: Path
) -> AsyncIterator[Executor]:
    """rollback-executor beside telemetry-ingest."""
    assert services["telemetry-ingest"].running
    async with rollouts.executor(environment, tmp_path) as running:
        yield running


@pytest.fixture
async def target(full_stack: LocalStack, system: str) -> AsyncIterator[RedisTarget]:
    async with open_redis(StoreSettings.from_environment(full_stack.environment)) as client:
        yield RedisTarget(client, TargetName("default", system, "production"))


async def test_a_bad_release_is_found_rolled_back_and_confirmed(
    executor: Executor, environment: Mapping[str, str], broker: Broker, target: RedisTarget, system: str
) -> None:
    since = {topic.name: broker.ends(topic.name) for topic in (ROLLOUTS, AUDIT_RECORDS)}
    refused = await executor.propose(system)
    assert refused.status_code == 409, "nothing is known of this system, so it may not start"
    await green_budget(environment, system)
    async with working(Agent(broker, system, lambda: replica(target))):
        rollout_id = await executor.proposed(system)
        assert (await executor.propose(system)).json()["rollout_id"] == rollout_id, "the same one again"
        await executor.step(rollout_id, "rolling_back", "verifying", "rolled_back")
        ended = await executor.step(rollout_id, "rolled_back", "rollback_failed")
    assert ended["step"] == "rolled_back", ended["changes"][-1]
    assert await target.snapshot() == Pointer(stable=BASELINE)
    route = await executor.client.get("/v1/route", params={"system": system, "unit": "user-1"})
    assert route.json()["release"] == BASELINE
    check_topics(broker, since, system, rollout_id)


async def replica(target: RedisTarget) -> Pointer | None:
    """What an agent does: it follows the pointer, and says what it runs."""
    pointer = await target.snapshot()
    if pointer:
        await target.report("agent-1", pointer.stable)
    return pointer


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
    assert steps == ["proposed", "approved", "canary", "rolling_back", "verifying", "rolled_back"]
    assert changes[3].reason.startswith("harm in errors")
    records = [
        AuditRecord.model_validate_json(message.value())
        for message in broker.read(AUDIT_RECORDS.name, since[AUDIT_RECORDS.name])
        if message.key() == system.encode()
    ]
    mine = [record for record in records if record.service == "rollback-executor"]
    assert mine[0].decision == "refused"
    assert [record.decision for record in mine if record.decision != "refused"] == steps
