"""The simulation can fail: three real bugs, planted one at a time, are each found within a few seeds."""

import pytest

from flyball.sim.process import Faults
from flyball.sim.seeds import Scenario, first_failure
from tests.sim.counting import Counting
from tests.sim.planted import CommitsBeforeEffect, Unfenced, publishing_to
from tests.sim.whole import Whole

pytestmark = pytest.mark.seeds

SEEDS_MAX = 60
PLANTED = {
    "commit before effect": {"processor_type": CommitsBeforeEffect},
    "no fencing": {"transaction_type": lambda _: Unfenced},
    "outbox published before commit": {"transaction_type": publishing_to},
}


@pytest.mark.parametrize("system", [Whole, Counting], ids=["whole", "counting"])
@pytest.mark.parametrize("bug", PLANTED)
def test_the_simulation_finds_it(bug: str, system: type[Scenario]) -> None:
    failure = first_failure(system(**PLANTED[bug]), range(SEEDS_MAX), Faults())
    assert failure is not None, f"{SEEDS_MAX} seeds did not find: {bug}"
    assert f"seed {failure.seed}:" in str(failure)
    assert f"make sim SEED={failure.seed}" in str(failure)
    print(f"\n{bug}: found by seed {failure.seed}")
