"""Rollouts under many seeds: whoever dies and whenever, each rollback ends once, in the order of epochs, and seen."""

import os

import pytest

from flyball.sim.seeds import first_failure, run_seed
from tests.sim.rollouts.target import MovesWithoutEpoch
from tests.sim.rollouts.world import FAULTS, Rollouts

pytestmark = pytest.mark.seeds

SEEDS = int(os.environ.get("FLYBALL_SIM_SEEDS", "40")) // 4
CHUNK = 20
PLANTED_SEEDS_MAX = 100
COMMAND = "python -m tests.sim --system rollouts --seed {seed}"


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_a_rollback_ends_once_and_is_rolled_back_only_when_seen(first: int) -> None:
    for seed in range(first, min(first + CHUNK, SEEDS)):
        run_seed(Rollouts(), seed, FAULTS, COMMAND)


def test_a_pointer_that_moves_without_an_epoch_is_found() -> None:
    failure = first_failure(Rollouts(pointer_type=MovesWithoutEpoch), range(PLANTED_SEEDS_MAX), FAULTS)
    assert failure is not None, f"{PLANTED_SEEDS_MAX} seeds did not find it"
    assert "the pointer moved with the epochs" in str(failure)


def test_a_seed_gives_the_same_run_twice() -> None:
    assert run_seed(Rollouts(), 45, FAULTS).digest() == run_seed(Rollouts(), 45, FAULTS).digest()
