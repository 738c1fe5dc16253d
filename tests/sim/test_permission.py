"""Agents, people and two controllers under many seeds: each action is decided once, approved by people, ends once."""

import os

import pytest

from flyball.sim.process import Faults
from flyball.sim.seeds import first_failure, run_seed
from tests.sim.permission.planted import ConsumesTwice
from tests.sim.permission.world import Permission
from tests.sim.planted import CommitsBeforeEffect

SEEDS = int(os.environ.get("FLYBALL_SIM_SEEDS", "40")) // 4
CHUNK = 20
PLANTED_SEEDS_MAX = 60
COMMAND = "python -m tests.sim --system permission --seed {seed}"
PLANTED = {
    "approval consumed twice": {"memory": ConsumesTwice},
    "commit before effect": {"processor_type": CommitsBeforeEffect},
}

pytestmark = pytest.mark.seeds


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_each_action_is_decided_once_and_ends_once(first: int) -> None:
    """Invariant 4; no decision is lost or doubled, and an approval is consumed once, by who may have it."""
    for seed in range(first, min(first + CHUNK, SEEDS)):
        run_seed(Permission(), seed, Faults(), COMMAND)


@pytest.mark.parametrize("bug", PLANTED)
def test_the_simulation_finds_it(bug: str) -> None:
    failure = first_failure(Permission(**PLANTED[bug]), range(PLANTED_SEEDS_MAX), Faults())
    assert failure is not None, f"{PLANTED_SEEDS_MAX} seeds did not find: {bug}"
    print(f"\n{bug}: found by seed {failure.seed}: {failure.__cause__}")


def test_a_seed_gives_the_same_run_twice_and_another_seed_another() -> None:
    digests = [run_seed(Permission(), seed, Faults()).digest() for seed in (3, 3, 4)]
    assert digests[0] == digests[1] != digests[2]
