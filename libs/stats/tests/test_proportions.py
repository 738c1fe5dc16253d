import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from flyball.stats.proportions import clopper_pearson_lower, kish_effective_size


@given(st.integers(1, 500), st.data())
def test_the_bound_is_scipys(trials: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(0, trials))
    expected = binomtest(successes, trials, alternative="greater").proportion_ci(0.8, method="exact").low
    assert clopper_pearson_lower(successes, trials, 0.8) == pytest.approx(expected, abs=1e-9)


def test_no_trials_have_no_bound() -> None:
    with pytest.raises(ValueError, match="no trials"):
        clopper_pearson_lower(0, 0, 0.8)


def test_equal_weights_lose_nothing() -> None:
    assert kish_effective_size(10 * 3.0, 10 * 9.0) == 10


def test_no_weights_are_no_observations() -> None:
    assert kish_effective_size(0, 0) == 0
