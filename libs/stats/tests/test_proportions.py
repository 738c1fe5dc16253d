import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from flyball.stats.proportions import (
    clopper_pearson_interval,
    clopper_pearson_lower,
    clopper_pearson_upper,
    kish_effective_size,
)


@given(st.integers(1, 500), st.data())
def test_the_bounds_are_scipys(trials: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(0, trials))
    above = binomtest(successes, trials, alternative="greater").proportion_ci(0.8, method="exact")
    assert clopper_pearson_lower(successes, trials, 0.8) == pytest.approx(above.low, abs=1e-9)
    below = binomtest(successes, trials, alternative="less").proportion_ci(0.999, method="exact")
    assert clopper_pearson_upper(successes, trials, 0.999) == pytest.approx(below.high, abs=1e-9)
    both = binomtest(successes, trials).proportion_ci(0.95, method="exact")
    assert clopper_pearson_interval(successes, trials, 0.95) == pytest.approx((both.low, both.high), abs=1e-9)


@pytest.mark.parametrize("rate", [0.001, 0.02, 0.3, 0.5, 0.97])
@pytest.mark.parametrize("trials", [5, 40, 300])
def test_by_enumeration_a_bound_misses_no_more_often_than_it_says(rate: float, trials: int) -> None:
    missed = sum(binom.pmf(k, trials, rate) for k in range(trials + 1) if clopper_pearson_upper(k, trials, 0.95) < rate)
    assert missed <= 0.05


def test_nothing_found_in_300_is_the_rule_of_three() -> None:
    assert clopper_pearson_upper(0, 300, 0.95) == pytest.approx(1 - 0.05 ** (1 / 300))


@pytest.mark.parametrize("bound", [clopper_pearson_lower, clopper_pearson_upper, clopper_pearson_interval])
def test_no_trials_have_no_bound(bound) -> None:
    with pytest.raises(ValueError, match="no trials"):
        bound(0, 0, 0.8)


def test_equal_weights_lose_nothing() -> None:
    assert kish_effective_size(10 * 3.0, 10 * 9.0) == 10


def test_no_weights_are_no_observations() -> None:
    assert kish_effective_size(0, 0) == 0
