"""The whole system under many seeds. A failing seed names itself and the command that tells its story."""

import os

import pytest

from flyball.sim.process import Faults
from flyball.sim.seeds import run_seed
from tests.sim.counting import Counting
from tests.sim.whole import Whole

SEEDS = int(os.environ.get("FLYBALL_SIM_SEEDS", "40"))
CHUNK = 20
COUNTING_SHARE = 4
"""The counting system has a quarter of the seeds: it tests the bus, which the whole system tests too."""

pytestmark = pytest.mark.seeds


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_every_event_is_counted_once_into_the_budgets(first: int) -> None:
    """Invariants 1 (conservation) and 2 (replay); the ledger sums to zero, is chained and posts nothing twice."""
    for seed in range(first, min(first + CHUNK, SEEDS)):
        run_seed(Whole(), seed, Faults())


@pytest.mark.parametrize("first", range(0, SEEDS // COUNTING_SHARE, CHUNK))
def test_every_number_is_added_once_and_audited_in_order(first: int) -> None:
    for seed in range(first, min(first + CHUNK, SEEDS // COUNTING_SHARE)):
        run_seed(Counting(), seed, Faults(), "python -m tests.sim --system counting --seed {seed}")
