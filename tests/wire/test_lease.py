"""Invariant 5 on real servers: cut off from the controller an agent loses autonomy by itself, and gets it back."""

import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from flyball.sdk.client import Client, connect
from flyball.sdk.guarding import Guard, Permit
from flyball.sdk.levels import boot_seconds
from flyball.sdk.settings import SdkSettings
from flyball.stack import ServiceProcess
from tests.wire.governing import client, controller, declare, running
from tests.wire.outside import Broker, until

pytestmark = [pytest.mark.stack, pytest.mark.chaos]
HIGH_RISK_SECONDS, ALONE_SECONDS = 10.0, 60.0
LATE_SECONDS = 1.0
"""An agent acts a few times a second, on a machine that others use too."""


@dataclass(slots=True)
class Clock:
    """The agent's clock, which a test may put forward, so that nobody waits for a minute."""

    ahead_seconds: float = 0.0

    def __call__(self) -> float:
        return boot_seconds() + self.ahead_seconds


@dataclass(slots=True)
class Agent:
    """Cancels orders and reads them, under guard."""

    sdk: Client
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.sdk.levels.clock = self.clock

    async def cancels(self) -> Permit:
        return await self._does("order.cancel", write=True)

    async def reads(self) -> Permit:
        return await self._does("order.read", write=False)

    async def lease_seconds(self) -> float:
        return self.sdk.levels.known("default", self.sdk.settings.system, None).lease_seconds

    async def _does(self, operation: str, *, write: bool) -> Permit:
        action = {"action_class": "orders", "operation": operation, "target": "order/1", "confidence": 0.9}
        async with Guard(self.sdk, {**action, "write": write}, 0.0) as permit:
            return permit


@pytest.fixture
async def service(environment: Mapping[str, str], tmp_path: Path) -> AsyncIterator[ServiceProcess]:
    service = controller(environment, tmp_path)
    async with running(service):
        yield service


@pytest.fixture
def agent(environment: Mapping[str, str], system: str) -> Iterator[Agent]:
    """Without the controller's address, so that whatever is allowed it allows itself."""
    sdk = connect(SdkSettings(environment["FLYBALL_KAFKA"], system, "2.1.0"))
    yield Agent(sdk)
    sdk.close(1)


async def test_an_agent_on_l3_whose_controller_is_killed(
    broker: Broker, service: ServiceProcess, agent: Agent, system: str
) -> None:
    async with client(service) as api:
        await declare(broker, api, system, 3)
    assert (await until(agent.cancels, lambda permit: permit.allowed)).rule == "level_3"

    await service.kill()
    killed_at = time.monotonic()
    refused = await until(agent.cancels, lambda permit: not permit.allowed)
    seconds = time.monotonic() - killed_at
    assert seconds < HIGH_RISK_SECONDS + LATE_SECONDS
    assert refused.rule == "lease"
    assert (await agent.reads()).allowed, "a low-risk read goes on"

    agent.clock.ahead_seconds = ALONE_SECONDS + 1 - await agent.lease_seconds()
    refused = await agent.cancels()
    assert (refused.allowed, refused.reason.endswith(": L0")) == (False, True), refused.reason
    assert (await agent.reads()).allowed
    agent.clock.ahead_seconds = 0.0

    await service.start()
    back_at = time.monotonic()
    again = await until(agent.cancels, lambda permit: permit.allowed)
    assert again.rule == "level_3"
    print(f"\nrefused {seconds:.1f} s after the kill; alone again {time.monotonic() - back_at:.1f} s after the start")


async def test_everything_but_low_risk_reads_is_l0_after_a_minute(
    broker: Broker, service: ServiceProcess, agent: Agent, system: str
) -> None:
    """What is neither a write nor risky is what the second limit leaves; a read of sensitive data is not among it."""
    async with client(service) as api:
        await declare(broker, api, system, 3)
    await until(agent.cancels, lambda permit: permit.allowed)
    await service.kill()
    agent.clock.ahead_seconds = ALONE_SECONDS + 1
    refused = await agent.cancels()
    assert (refused.allowed, refused.rule) == (False, "lease")
    assert (await agent.reads()).allowed
    secret = {"action_class": "orders", "operation": "order.read", "target": "1", "confidence": 0.9, "write": False}
    async with Guard(agent.sdk, {**secret, "sensitive": True}, 0.0) as permit:
        assert not permit.allowed
    async with Guard(agent.sdk, {**secret, "confidence": None}, 0.0) as permit:
        assert not permit.allowed
