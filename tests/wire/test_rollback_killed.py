"""rollback-executor killed in the middle: the rollback ends once, whatever the switch has done by then."""

import asyncio
from collections.abc import Mapping

import pytest

from flyball.schemas.rollouts import RolloutChanged
from flyball.schemas.topics import ROLLOUTS
from rollback_executor.domain.rollout import Pointer
from tests.wire.outside import Broker
from tests.wire.rollouts import BASELINE, Agent, Executor, in_canary, working
from tests.wire.switch import HANGS_AFTER, HANGS_BEFORE, Switch

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]
STEPS = ["proposed", "approved", "canary", "rolling_back", "verifying", "rolled_back"]


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
