"""A switch that says yes and does nothing: the rollback ends as it really was, and somebody is paged."""

import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from flyball.stack import ServiceProcess
from tests.stub_providers import Provider, provider
from tests.wire.outside import Broker, until
from tests.wire.rollouts import Agent, Executor, in_canary, working
from tests.wire.switch import LIES, Switch

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]
ROUTES = """
wait_seconds: 1
interval_seconds: 2
routes:
  - name: default
    steps:
      - {target: on-call, channels: [pagerduty], severity_max: 1}
"""
"""As by default severities 0 and 1 page, and a rollback that begins (2) does not."""


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
            await process.stop()


async def test_a_switch_that_says_yes_and_does_nothing_ends_as_failed_and_pages(
    executor: Executor,
    environment: Mapping[str, str],
    broker: Broker,
    lever: Switch,
    notifier: Provider,
    system: str,
) -> None:
    async with working(Agent(broker, system, lever.snapshot)):
        rollout_id = await in_canary(executor, environment, lever, system, verify_seconds_max=15)
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
