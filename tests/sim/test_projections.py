"""console under many seeds: what it keeps is a recount of the topics, and whoever watches has seen all of it."""

import os

import pytest

from flyball.sim.process import Faults
from flyball.sim.seeds import first_failure, run_seed
from tests.sim.planted import CommitsBeforeEffect
from tests.sim.projections.planted import NotesAtOnce, NumberFromSequence
from tests.sim.projections.world import Parts, Projections
from tests.sim.records.planted import LooksForNothing

SEEDS = int(os.environ.get("FLYBALL_SIM_SEEDS", "40")) // 4
CHUNK = 20
PLANTED_SEEDS_MAX = 60
COMMAND = "python -m tests.sim --system projections --seed {seed}"
PLANTED = {
    "the live view's numbers come from a sequence": Parts(live_budgets=NumberFromSequence),
    "news before it is committed": Parts(changes=NotesAtOnce),
    "an old state is taken again": Parts(transaction_type=LooksForNothing),
    "commit before effect": Parts(processor_type=CommitsBeforeEffect),
}

pytestmark = pytest.mark.seeds


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_what_console_keeps_is_a_recount_of_the_topics(first: int) -> None:
    """Invariant 2: tables and topics agree whatever dies, and no news is lost to who watches."""
    for seed in range(first, min(first + CHUNK, SEEDS)):
        run_seed(Projections(), seed, Faults(), COMMAND)


@pytest.mark.parametrize("bug", PLANTED)
def test_the_simulation_finds_it(bug: str) -> None:
    failure = first_failure(Projections(PLANTED[bug]), range(PLANTED_SEEDS_MAX), Faults())
    assert failure is not None, f"{PLANTED_SEEDS_MAX} seeds did not find: {bug}"
    print(f"\n{bug}: found by seed {failure.seed}: {failure.__cause__}")


def test_a_seed_gives_the_same_run_twice_and_another_seed_another() -> None:
    digests = [run_seed(Projections(), seed, Faults()).digest() for seed in (3, 3, 4)]
    assert digests[0] == digests[1] != digests[2]
