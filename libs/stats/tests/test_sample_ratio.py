import subprocess
import sys
from math import comb, exp, inf, log

import pytest
from scipy.stats import betabinom, binom

from flyball.stats.sample_ratio import log_sample_ratio_evidence, log_share_evidence, shares_by_chance


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


def test_what_a_hash_of_few_units_does_by_chance_is_no_evidence() -> None:
    low, high = shares_by_chance(500, 400, 0.001)
    assert (low, high) == (175, 900)
    twenty_eight_of_400_units = (28 * 10_000, 372 * 10_000)
    assert log_sample_ratio_evidence(twenty_eight_of_400_units, (500, 9_500)) > log(1_000)
    assert log_share_evidence(twenty_eight_of_400_units, (low, high)) < 0
    assert log_share_evidence((10_000, 90_000), (low, high)) > log(1_000)
    assert log_share_evidence((0, 0), (low, high)) == 0


@pytest.mark.parametrize("units", [200, 4_000, 1_000_000])
def test_more_units_leave_less_to_chance(units: int) -> None:
    low, high = shares_by_chance(500, units, 0.001)
    outside = binom.cdf(low * units / 10_000 - 1e-9, units, 0.05) + binom.sf(high * units / 10_000 + 1e-9, units, 0.05)
    assert outside <= 0.001
    assert high - low <= 2 * 3.3 * 10_000 * (0.05 * 0.95 / units) ** 0.5 + 60


@pytest.mark.parametrize("counts", [(300, 9_700), (500, 9_500), (900, 9_100), (5, 5)])
def test_no_share_of_the_range_has_less_evidence_against_it(counts: tuple[int, int]) -> None:
    least = min(log_sample_ratio_evidence(counts, (share, 10_000 - share)) for share in range(400, 601, 5))
    assert log_share_evidence(counts, (400, 600)) <= max(0, least + 1e-9)


@pytest.mark.parametrize(
    ("planned", "units"), [(500, 4_000), (5_000, 400), (1, 37), (9_999, 5), (2_500, 1), (777, 12_345)]
)
@pytest.mark.parametrize("alpha", [0.001, 0.05, 0.5])
def test_a_hash_is_scipys_binomial(planned: int, units: int, alpha: float) -> None:
    low, high = (int(count) for count in binom.interval(1 - alpha, units, planned / 10_000))
    assert shares_by_chance(planned, units, alpha) == (low * 10_000 // units, -(-high * 10_000 // units))


@pytest.mark.parametrize("planned", [0, 10_000])
def test_nothing_and_everything_are_exact(planned: int) -> None:
    assert shares_by_chance(planned, 10, 0.001) == (planned, planned)


@pytest.mark.parametrize(("planned", "units"), [(500, 0), (-1, 5), (10_001, 5)])
def test_an_impossible_hash_is_refused(planned: int, units: int) -> None:
    with pytest.raises(ValueError, match="sample ratio"):
        shares_by_chance(planned, units, 0.001)


def test_services_are_spared_the_memory_of_scipy_stats() -> None:
    program = "import sys, flyball.stats.sample_ratio; sys.exit('scipy.stats' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
