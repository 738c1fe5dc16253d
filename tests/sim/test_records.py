"""drift-detector and audit-log under many seeds: what drifts is told once, and each decision is on the record once."""

import os

import pytest

from flyball.sim.process import Faults
from flyball.sim.seeds import first_failure, run_seed
from tests.sim.planted import CommitsBeforeEffect
from tests.sim.records.planted import (
    LooksForNothing,
    heads_of_two_reads,
    remembers_heads,
    remembers_systems,
)
from tests.sim.records.world import Parts, Records

SEEDS = int(os.environ.get("FLYBALL_SIM_SEEDS", "40")) // 4
CHUNK = 20
PLANTED_SEEDS_MAX = 60
COMMAND = "python -m tests.sim --system records --seed {seed}"
PLANTED = {
    "audit-log appends without a look": Parts(audit_transaction_type=LooksForNothing),
    "audit-log remembers ends of chains": Parts(chains=remembers_heads),
    "a checkpoint of two reads": Parts(heads=heads_of_two_reads),
    "drift-detector remembers systems": Parts(systems=remembers_systems),
    "commit before effect": Parts(processor_type=CommitsBeforeEffect),
}

pytestmark = pytest.mark.seeds


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_drift_is_told_once_and_each_decision_is_on_the_record_once(first: int) -> None:
    """Invariants 2 and 8: told is what one undisturbed detector tells; chains hold each record once, and are signed."""
    for seed in range(first, min(first + CHUNK, SEEDS)):
        run_seed(Records(), seed, Faults(), COMMAND)


@pytest.mark.parametrize("bug", PLANTED)
def test_the_simulation_finds_it(bug: str) -> None:
    failure = first_failure(Records(PLANTED[bug]), range(PLANTED_SEEDS_MAX), Faults())
    assert failure is not None, f"{PLANTED_SEEDS_MAX} seeds did not find: {bug}"
    print(f"\n{bug}: found by seed {failure.seed}: {failure.__cause__}")


def test_a_seed_gives_the_same_run_twice_and_another_seed_another() -> None:
    digests = [run_seed(Records(), seed, Faults()).digest() for seed in (3, 3, 4)]
    assert digests[0] == digests[1] != digests[2]
