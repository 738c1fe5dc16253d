"""The simulation can fail: real bugs, planted one at a time, are each found within a few seeds."""

from functools import partial

import pytest

from flyball.sim.process import Faults
from flyball.sim.seeds import Scenario, first_failure
from tests.sim.counting import Counting
from tests.sim.memory_joins import MemoryJoins
from tests.sim.planted import CommitsBeforeEffect, ForgetsTheClaimed, Unfenced, publishing_to
from tests.sim.whole import Whole

pytestmark = pytest.mark.seeds

SEEDS_MAX = 60
PLANTED = {
    "commit before effect": {"processor_type": CommitsBeforeEffect},
    "no fencing": {"transaction_type": lambda _: Unfenced},
    "outbox published before commit": {"transaction_type": publishing_to},
}


SCENARIOS: list[tuple[str, Scenario]] = [
    (bug, system(**planted)) for bug, planted in PLANTED.items() for system in (Whole, Counting)
]
JOINED_TWICE = "pair counted by both sides", Whole(joins_type=partial(MemoryJoins, shelves_type=ForgetsTheClaimed))


@pytest.mark.parametrize(("bug", "scenario"), [*SCENARIOS, JOINED_TWICE])
def test_the_simulation_finds_it(bug: str, scenario: Scenario) -> None:
    failure = first_failure(scenario, range(SEEDS_MAX), Faults())
    assert failure is not None, f"{SEEDS_MAX} seeds did not find: {bug}"
    assert f"seed {failure.seed}:" in str(failure)
    assert f"make sim SEED={failure.seed}" in str(failure)
    print(f"\n{bug}: found by seed {failure.seed}")
