from math import comb, exp, inf, log

import pytest
from scipy.stats import betabinom, binom

from flyball.stats.sample_ratio import log_sample_ratio_evidence


def test_two_arms_are_scipys_beta_binomial_over_binomial() -> None:
    expected = betabinom.logpmf(80, 1_000, 50, 950) - binom.logpmf(80, 1_000, 0.05)
    assert log_sample_ratio_evidence((80, 920), (500, 9_500)) == pytest.approx(expected)


@pytest.mark.parametrize("share", [1, 500, 5_000, 9_999])
def test_by_enumeration_the_plan_wins_nothing(share: int) -> None:
    p, rows = share / 10_000, 25
    mean = sum(
        comb(rows, k)
        * p**k
        * (1 - p) ** (rows - k)
        * exp(log_sample_ratio_evidence((k, rows - k), (share, 10_000 - share)))
        for k in range(rows + 1)
    )
    assert mean == pytest.approx(1)


def test_a_missing_tenth_of_the_share_is_found_and_the_plan_is_not() -> None:
    assert log_sample_ratio_evidence((4_500, 95_500), (500, 9_500)) > log(1_000)
    assert log_sample_ratio_evidence((5_000, 95_000), (500, 9_500)) < 0


def test_an_arm_that_should_get_nothing_and_does_is_proof() -> None:
    assert log_sample_ratio_evidence((1, 5), (0, 10_000)) == inf
    assert log_sample_ratio_evidence((0, 5), (0, 10_000)) == pytest.approx(0)


@pytest.mark.parametrize(
    ("counts", "planned"), [((1, 2), (10_000,)), ((1, -2), (500, 9_500)), ((1, 2), (500, 9_000)), ((), ())]
)
def test_impossible_plans_are_refused(counts: tuple[int, ...], planned: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="sample ratio"):
        log_sample_ratio_evidence(counts, planned)
