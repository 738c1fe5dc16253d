import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from flyball.stats.calibration import (
    ReliabilityBin,
    adaptive_calibration_error,
    brier_score,
    calibration_equivalence,
    debiased_calibration_error,
    overconfident_bins,
    reliability_bins,
)

ROWS = st.lists(
    st.tuples(st.sampled_from([0.1, 0.5, 0.73, 0.9, 0.99]) | st.floats(0, 1), st.booleans()), min_size=1, max_size=300
)


def columns(rows: list[tuple[float, bool]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([stated for stated, _ in rows]), np.array([float(right) for _, right in rows])


@given(ROWS, st.randoms())
def test_bins_never_split_ties_and_do_not_depend_on_order(rows: list[tuple[float, bool]], random: object) -> None:
    stated, right = columns(rows)
    found = reliability_bins(stated, right)
    assert len(found) <= 15
    assert sum(each.share for each in found) == pytest.approx(1)
    assert sum(each.rows for each in found) == pytest.approx(len(rows))
    assert len(found) <= np.unique(stated).size
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    again = reliability_bins(*columns(shuffled))
    assert [each.rows for each in again] == pytest.approx([each.rows for each in found])


def test_bins_of_distinct_confidence_are_of_equal_size() -> None:
    stated = np.linspace(0, 1, 150)
    assert [each.rows for each in reliability_bins(stated, stated > 0.5)] == pytest.approx([10] * 15)


def test_a_large_tie_is_one_bin() -> None:
    stated = np.array([0.9] * 90 + [0.1] * 10)
    found = reliability_bins(stated, np.ones(100))
    assert [each.mean_confidence for each in found] == pytest.approx([0.1, 0.9])
    assert [each.rows for each in found] == pytest.approx([10, 90])


def test_a_perfect_agent_looks_bad_plugged_in_and_good_debiased() -> None:
    rng = np.random.default_rng(1)
    plug_in, debiased = [], []
    for _ in range(200):
        stated = rng.uniform(0.5, 1, 200)
        found = reliability_bins(stated, rng.random(200) < stated)
        plug_in.append(adaptive_calibration_error(found))
        debiased.append(debiased_calibration_error(found) ** 2)
    assert np.mean(plug_in) > 0.05
    assert np.sqrt(np.mean(debiased)) < 0.05 < np.mean(plug_in)


def test_an_overconfident_agent_has_its_true_error() -> None:
    rng = np.random.default_rng(2)
    stated = rng.uniform(0.6, 1, 50_000)
    found = reliability_bins(stated, rng.random(50_000) < stated - 0.1)
    assert debiased_calibration_error(found) == pytest.approx(0.1, abs=0.01)
    assert adaptive_calibration_error(found) == pytest.approx(0.1, abs=0.01)


def test_brier_by_hand_and_with_weights() -> None:
    assert brier_score([0.8, 0.4], [1, 0]) == pytest.approx((0.04 + 0.16) / 2)
    assert brier_score([0.8, 0.4], [1, 0], [1, 3]) == pytest.approx((0.04 + 3 * 0.16) / 4)


def test_equivalence_uses_exact_bounds() -> None:
    result = calibration_equivalence(np.full(400, 0.9), np.arange(400) < 360, 0.05)
    low = binomtest(360, 400, alternative="greater").proportion_ci(0.95).low
    high = binomtest(360, 400, alternative="less").proportion_ci(0.95).high
    assert (result.lower, result.upper) == pytest.approx((0.9 - high, 0.9 - low))
    assert result.equivalent
    assert result.gap == pytest.approx(0)


def test_few_rows_and_a_true_gap_are_not_equivalent() -> None:
    assert not calibration_equivalence([1.0] * 3, [1] * 3, 0.05).equivalent
    assert not calibration_equivalence(np.full(9_999, 0.95), np.arange(9_999) < 8_900, 0.05).equivalent


def test_weights_of_unequal_sampling_cost_rows() -> None:
    stated, right = np.full(400, 0.9), np.arange(400) % 10 > 0
    even = calibration_equivalence(stated, right, 0.05)
    uneven = calibration_equivalence(stated, right, 0.05, np.where(np.arange(400) < 200, 1.0, 20.0))
    assert uneven.upper - uneven.lower > even.upper - even.lower


def test_only_proven_overconfidence_above_the_threshold_counts() -> None:
    proven = ReliabilityBin(share=0.3, rows=500, mean_confidence=0.95, accuracy=0.8)
    unproven = ReliabilityBin(share=0.3, rows=10, mean_confidence=0.95, accuracy=0.8)
    unused = ReliabilityBin(share=0.4, rows=500, mean_confidence=0.4, accuracy=0.1)
    assert overconfident_bins([proven, unproven, unused], 0.75, 0.05) == [proven]
    assert overconfident_bins([], 0.75, 0.05) == []


@pytest.mark.parametrize(
    ("stated", "right", "weight"),
    [
        ([], [], None),
        ([0.5], [1, 0], None),
        ([1.5], [1], None),
        ([np.nan], [1], None),
        ([0.5], [0.5], None),
        ([0.5], [1], [0]),
        ([0.5], [1], [np.inf]),
    ],
)
def test_bad_rows_are_refused(stated: list[float], right: list[float], weight: list[float] | None) -> None:
    with pytest.raises(ValueError, match="calibration"):
        reliability_bins(stated, right, weight)
