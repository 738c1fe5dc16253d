"""A switch that lies, and rollback-executor killed in the middle: the rollback ends once, and as it really was."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from flyball.schemas.rollouts import RolloutChanged
from flyball.schemas.topics import ROLLOUTS
from flyball.stack import ServiceProcess
from rollback_executor.domain.rollout import Pointer
from tests.stub_providers import Provider, provider
from tests.wire import rollouts, switch
from tests.wire.outside import Broker, until
from tests.wire.rollouts import BASELINE, QUICK, Agent, Executor, green_budget, working
from tests.wire.switch import HANGS_AFTER, HANGS_BEFORE, LIES, Switch

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]
WEBHOOK = {"adapter": "webhook"}
ROUTES = """
wait_seconds: 1
interval_seconds: 2
routes:
  - name: default
    steps:
      - {target: on-call, channels: [pagerduty], severity_max: 1}
"""
"""As by default severities 0 and 1 page, and a rollback that begins (2) does not."""
STEPS = ["proposed", "approved", "canary", "rolling_back", "verifying", "rolled_back"]


@pytest.fixture
def lever() -> Iterator[Switch]:
    with switch.serving() as serving:
        yield serving


@pytest.fixture
async def executor(
    environment: Mapping[str, str], services: Mapping[str, ServiceProcess], lever: Switch, tmp_path: Path
) -> AsyncIterator[Executor]:
    """rollback-executor beside telemetry-ingest, with a webhook that leads to the switch."""
    assert services["telemetry-ingest"].running
    # Long enough for a test to kill it while it waits for an answer.
    patient = {"FLYBALL_ROLLOUT_TARGET_TIMEOUT_SECONDS": "10"}
    async with rollouts.executor({**environment, **lever.environment, **patient}, tmp_path) as running:
        yield running


@pytest.fixture
async def notifier(environment: Mapping[str, str], tmp_path: Path) -> AsyncIterator[Provider]:
    """A notifier, and the pager that it calls."""
    policy = tmp_path / "policy.yaml"
    policy.write_text(ROUTES)
    with provider() as pagerduty:
        process = ServiceProcess(
            "notifier",
            {
                **environment,
                "FLYBALL_PAGERDUTY_URL": pagerduty.url,
                "FLYBALL_NOTIFIER_CONTACTS": json.dumps({"on-call": {"pagerduty": "R" * 32}}),
                "FLYBALL_NOTIFIER_POLICY": str(policy),
                "FLYBALL_NOTIFIER_TICK_SECONDS": "0.1",
            },
            tmp_path,
        )
        await process.start()
        try:
            yield pagerduty
            assert process.running, process.process.log_tail()
        finally:
            await process.kill()


async def in_canary(executor: Executor, environment: Mapping[str, str], lever: Switch, system: str) -> str:
    """A rollout whose share the switch has taken."""
    await green_budget(environment, system)
    policy = {**QUICK, "verify_seconds_max": 60}
    rollout_id = await executor.proposed(system, **WEBHOOK, policy=policy)
    await until(lever.snapshot, lambda pointer: pointer is not None)
    return rollout_id


async def test_a_switch_that_says_yes_and_does_nothing_ends_as_failed_and_pages(
    executor: Executor,
    environment: Mapping[str, str],
    broker: Broker,
    lever: Switch,
    notifier: Provider,
    system: str,
) -> None:
    async with working(Agent(broker, system, lever.snapshot)):
        rollout_id = await in_canary(executor, environment, lever, system)
        lever.fault = LIES
        await executor.step(rollout_id, "rolling_back", "verifying")
        ended = await executor.step(rollout_id, "rolled_back", "rollback_failed", seconds=150)
    assert ended["step"] == "rollback_failed"
    assert "1.4.0 runs on 1 of 2 replicas; telemetry does not show 1.4.0 alone" in ended["changes"][-1]["reason"]

    async def pages() -> list[dict[str, Any]]:
        return [page for page in notifier.bodies(event_action="trigger") if system in json.dumps(page)]

    (page,) = await until(pages, bool, 60)
    assert page["payload"]["severity"] == "critical"
    assert f"{system}: nothing proves that 1.4.0 is back; 1.5.0 may run" in json.dumps(page)


@pytest.mark.parametrize("fault", [HANGS_BEFORE, HANGS_AFTER])
async def test_killed_while_the_switch_is_told_it_ends_once(
    executor: Executor, environment: Mapping[str, str], broker: Broker, lever: Switch, system: str, fault: str
) -> None:
    """Before it moves, the order is in the journal alone; after it moved, the receipt is missing."""
    since = broker.ends(ROLLOUTS.name)
    async with working(Agent(broker, system, lever.snapshot, bad=frozenset())):
        rollout_id = await in_canary(executor, environment, lever, system)
        lever.fault = fault
        await executor.roll_back(system)
        assert await asyncio.to_thread(lever.reached.wait, 30), "the switch was not told"
        await executor.process.kill()
        lever.fault = ""
        lever.let_go.set()
        await executor.process.start()
        await executor.step(rollout_id, "rolled_back", "rollback_failed")
    check_ended_once(broker, since, lever, system)
    assert lever.orders.count(lever.orders[-1]) == 2, "told again after the restart, with the same epoch"


async def test_killed_between_the_move_and_its_verification_it_ends_once(
    executor: Executor, environment: Mapping[str, str], broker: Broker, lever: Switch, system: str
) -> None:
    since = broker.ends(ROLLOUTS.name)
    async with working(Agent(broker, system, lever.snapshot, bad=frozenset())):
        rollout_id = await in_canary(executor, environment, lever, system)
        await executor.roll_back(system)
        await executor.step(rollout_id, "verifying")
        await executor.process.kill()
        await executor.process.start()
        await executor.step(rollout_id, "rolled_back", "rollback_failed")
    check_ended_once(broker, since, lever, system)


def check_ended_once(broker: Broker, since: Mapping[int, int], lever: Switch, system: str) -> None:
    """Every change is told, as one fact, and the switch moved once for each epoch, in their order."""
    # Killed between publishing and noting it, the relay publishes again: the same fact, by its id.
    facts = {dict(message.headers())["ce_id"]: message for message in broker.read(ROLLOUTS.name, since)}
    mine = [message for message in facts.values() if message.key() == system.encode()]
    told = [RolloutChanged.model_validate_json(message.value()) for message in mine]
    assert [change.step for change in told] == STEPS
    assert [change.version for change in told] == list(range(1, len(STEPS) + 1))
    epochs = [epoch for epoch, _ in lever.moves]
    assert epochs == sorted(set(epochs))
    assert lever.moves[-1] == (told[-1].epoch, Pointer(stable=BASELINE))
