"""What tests of rollbacks share: a switch that can lie or hang, and rollback-executor behind it."""

from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import pytest

from flyball.stack import ServiceProcess
from tests.wire import rollouts, switch
from tests.wire.rollouts import Executor
from tests.wire.switch import Switch


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
