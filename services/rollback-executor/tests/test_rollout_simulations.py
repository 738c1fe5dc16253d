"""Seeded worlds, the short form: what the tests find, how soon, and how often they are wrong."""

import os
from statistics import median

import pytest
from rollout_builders import START, Rates, World, changed_policy, fresh, simulate
from scipy.stats import binom

from flyball.schemas.rollouts import RolloutChanged

pytestmark = pytest.mark.seeds
RUNS = max(2, int(os.environ.get("FLYBALL_SIM_SEEDS", "40")) // 20)
"""Two while one works, 25 under `make test`."""
POLICY = changed_policy(stage_seconds_max=600_000, dwell_seconds_min=300, candidate_interactions_min=200)
ONLY_FIRST_SHARE = POLICY.model_copy(update={"steps_basis_points": (500, 10_000), "bake_seconds": 600_000})


def played(rates: Rates, seconds: int, seed: int, policy=POLICY) -> World:
    return simulate(fresh(policy).start(), rates, seconds, seed=seed)


def minutes_to(world: World, step: str) -> float:
    told = next(fact for fact in world.facts if isinstance(fact, RolloutChanged) and fact.step == step)
    return (told.changed_at - START).total_seconds() / 60


def test_a_healthy_release_has_all_traffic_within_half_an_hour_in_the_median() -> None:
    assert median(minutes_to(played(Rates(per_second=100), 7_200, seed), "bake") for seed in range(3)) <= 30


@pytest.mark.parametrize(("worse", "minutes_max"), [(0.03, 5), (0.01, 10)])
def test_a_worse_release_is_found_in_time_in_the_median(worse: float, minutes_max: float) -> None:
    # At a baseline of 1 % and above the tenth that is tolerated takes so much of +1 pp that ten minutes are not enough.
    rates = Rates(per_second=100, baseline=0.002, candidate=0.002 + worse)
    found = [minutes_to(played(rates, 3_600, seed), "rolling_back") for seed in range(3)]
    assert median(found) <= minutes_max


@pytest.mark.parametrize(
    "rates",
    [Rates(per_second=100), Rates(per_second=10), Rates(per_second=100, incident=(600, 1_200, 0.2))],
    ids=["quiet", "little traffic", "an incident in both arms"],
)
def test_false_rollbacks_stay_within_their_budget(rates: Rates) -> None:
    """Looked at every ten seconds for half an hour; 1 % may be wrong, so more than its 99.9 % quantile is a fault."""
    wrong = sum("rolling_back" in played(rates, 1_800, seed, ONLY_FIRST_SHARE).steps for seed in range(RUNS))
    assert wrong <= binom.ppf(0.999, RUNS, 0.01)
