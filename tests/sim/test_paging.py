"""Troubles, people, two notifiers and providers that fail, under many seeds: who must know is told, once."""

import os

import pytest

from flyball.sim.process import Faults
from flyball.sim.seeds import first_failure, run_seed
from tests.sim.paging.planted import ReceiptBeforeSend
from tests.sim.paging.world import Paging
from tests.sim.planted import CommitsBeforeEffect

SEEDS = int(os.environ.get("FLYBALL_SIM_SEEDS", "40")) // 4
CHUNK = 20
PLANTED_SEEDS_MAX = 60
COMMAND = "python -m tests.sim --system paging --seed {seed}"
PLANTED = {
    "receipt before send": {"deliverer_type": ReceiptBeforeSend},
    "commit before effect": {"processor_type": CommitsBeforeEffect},
}

pytestmark = pytest.mark.seeds


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_each_epoch_is_told_once_and_so_is_its_end(first: int) -> None:
    """Invariants 6 and 7: a receipt means that it arrived, one key for an epoch, and a resolve always gets through."""
    for seed in range(first, min(first + CHUNK, SEEDS)):
        run_seed(Paging(), seed, Faults(), COMMAND)


@pytest.mark.parametrize("bug", PLANTED)
def test_the_simulation_finds_it(bug: str) -> None:
    failure = first_failure(Paging(**PLANTED[bug]), range(PLANTED_SEEDS_MAX), Faults())
    assert failure is not None, f"{PLANTED_SEEDS_MAX} seeds did not find: {bug}"
    print(f"\n{bug}: found by seed {failure.seed}: {failure.__cause__}")


def test_a_seed_gives_the_same_run_twice_and_another_seed_another() -> None:
    digests = [run_seed(Paging(), seed, Faults()).digest() for seed in (3, 3, 4)]
    assert digests[0] == digests[1] != digests[2]
