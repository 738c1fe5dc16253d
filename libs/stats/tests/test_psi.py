import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import jensenshannon

from flyball.stats.psi import (
    chi_square,
    decile_groups,
    grouped,
    jensen_shannon,
    kolmogorov_smirnov,
    kullback_leibler,
    population_stability,
    wasserstein,
)
from flyball.stats.reference import count_numeric, numeric_reference

PAIRS = st.integers(2, 30).flatmap(
    lambda size: st.tuples(*[st.lists(st.integers(0, 500), min_size=size, max_size=size).filter(any)] * 2)
)


@given(PAIRS)
def test_jensen_shannon_and_chi_square_are_scipys(pair: tuple[list[int], list[int]]) -> None:
    one, other = map(np.array, pair)
    assert jensen_shannon(one, other) == pytest.approx(jensenshannon(one, other, base=2) ** 2, abs=1e-7)
    held = (one + other) > 0
    if held.sum() > 1:
        expected = stats.chi2_contingency([one[held], other[held]], correction=False)
        assert chi_square(one, other) == pytest.approx((expected.statistic, expected.pvalue), abs=1e-9)


@given(PAIRS)
def test_kolmogorov_smirnov_is_scipys_on_binned_values(pair: tuple[list[int], list[int]]) -> None:
    one, other = (np.repeat(np.arange(len(counts)), counts) for counts in pair)
    expected = stats.ks_2samp(one, other, method="asymp")
    distance, p = kolmogorov_smirnov(*pair)
    assert distance == pytest.approx(expected.statistic)
    assert p == pytest.approx(stats.kstwobign.sf(distance * np.sqrt(one.size * other.size / (one.size + other.size))))


def test_relative_entropy_is_scipys() -> None:
    expected = stats.entropy([10.5, 30.5, 0.5], [20.5, 20.5, 5.5])
    assert kullback_leibler([20, 20, 5], [10, 30, 0]) == pytest.approx(expected)


def test_stability_by_hand() -> None:
    effect = population_stability([500, 500], [300, 700])
    smoothed = np.array([300.5, 700.5]) / 1_001
    expected = (smoothed - 0.5) @ np.log(smoothed / 0.5) - (1 / 1_000 + 1 / 1_000)
    assert effect is not None
    assert effect.value == pytest.approx(expected)
    assert 0 < effect.lower < effect.value


@given(PAIRS)
def test_the_bound_is_below_the_estimate_and_not_below_zero(pair: tuple[list[int], list[int]]) -> None:
    effect = population_stability(*pair)
    if effect is None:
        size = sum(a + b > 0 for a, b in zip(*pair, strict=True))
        assert size < 2 or min(sum(pair[0]), sum(pair[1])) < 10 * size
    else:
        assert 0 <= effect.lower <= max(effect.value, 0)


def test_under_ten_rows_a_decile_is_insufficient() -> None:
    assert population_stability([100] * 10, [9] * 10) is None
    assert population_stability([9] * 10, [100] * 10) is None
    assert population_stability([100] * 10, [10] * 10) is not None
    assert population_stability([0, 900], [0, 900]) is None


def test_deciles_are_groups_of_five_bins_and_atoms_are_not_split() -> None:
    assert decile_groups([200] * 50).tolist() == [group for group in range(10) for _ in range(5)]
    groups = decile_groups([0, 6_000, *[400] * 10])
    assert grouped([0, 6_000, *[400] * 10], groups).max() == 6_000
    assert decile_groups([0, 0]).tolist() == [0, 0]


@pytest.mark.parametrize(("low", "high"), [(0.3, 0.0), (0.0, 0.3)])
def test_thirty_percent_beyond_one_end_is_critical(low: float, high: float) -> None:
    rng = np.random.default_rng(1)
    bins = numeric_reference(rng.standard_normal(10_000))
    live = rng.standard_normal(5_000)
    live[: int(5_000 * low)], live[: int(5_000 * high)] = -99, 99
    groups = decile_groups(bins.counts)
    effect = population_stability(grouped(bins.counts, groups), grouped(count_numeric(bins, live).counts, groups))
    assert effect is not None
    assert (effect.lower > 0.3) == (low + high > 0)


def test_one_wild_value_in_the_window_changes_nothing() -> None:
    rng = np.random.default_rng(2)
    bins = numeric_reference(rng.standard_normal(10_000))
    live = rng.standard_normal(1_000)
    cuts = [bins.minimum, *bins.edges, bins.maximum]
    distances = [
        wasserstein(bins.counts, count_numeric(bins, rows).counts, cuts, bins.standard_deviation)
        for rows in (live, np.append(live[1:], 1e300))
    ]
    assert distances[0] == pytest.approx(distances[1], abs=0.01)


@pytest.mark.parametrize("shift", [0.2, 0.5, 1.0])
def test_wasserstein_is_close_to_scipys(shift: float) -> None:
    rng = np.random.default_rng(3)
    reference, live = rng.uniform(size=20_000), rng.beta(1 + shift, 1, size=20_000)
    bins = numeric_reference(reference)
    ours = wasserstein(bins.counts, count_numeric(bins, live).counts, [bins.minimum, *bins.edges, bins.maximum], 1.0)
    assert ours == pytest.approx(stats.wasserstein_distance(reference, live), abs=0.002)


def test_a_constant_has_no_distance() -> None:
    assert wasserstein([0, 5, 0], [0, 3, 2], [1, 1, 1, 1], 0.0) is None


def test_nothing_cannot_be_compared() -> None:
    for measure in (jensen_shannon, kolmogorov_smirnov):
        with pytest.raises(ValueError, match="one side is empty"):
            measure([0, 0], [1, 2])
    assert chi_square([0, 0], [1, 2]) == (0.0, 1.0)
