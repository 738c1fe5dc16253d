import numpy as np
import pytest

from flyball.stats.dispersion import measured_dispersion


def test_independent_rows_have_none() -> None:
    rng = np.random.default_rng(1)
    assert measured_dispersion(rng.standard_normal(1_000) * 10, np.full(1_000, 100)) == 1


@pytest.mark.parametrize("clone", [3, 10])
def test_rows_that_come_in_copies_count_once(clone: int) -> None:
    sums = np.random.default_rng(2).standard_normal(2_000) * np.sqrt(100 * clone)
    assert measured_dispersion(sums, np.full(2_000, 100)) == pytest.approx(clone, rel=0.1)


def test_neighbouring_panes_that_move_together_count() -> None:
    shocks = np.random.default_rng(3).standard_normal(4_001) * 10
    assert measured_dispersion(shocks[1:] + shocks[:-1], np.full(4_000, 100)) == pytest.approx(4, rel=0.15)


def test_empty_panes_and_another_mean_change_nothing() -> None:
    rng = np.random.default_rng(4)
    rows = rng.integers(50, 150, 600)
    sums = rng.standard_normal(600) * np.sqrt(4 * rows)
    shifted = np.concatenate((sums + 0.3 * rows, np.zeros(50)))
    before, after = measured_dispersion(sums, rows), measured_dispersion(shifted, np.concatenate((rows, np.zeros(50))))
    assert after == pytest.approx(before, rel=0.01)


def test_too_few_panes_cannot_tell() -> None:
    with pytest.raises(ValueError, match="200 in-control panes"):
        measured_dispersion([1.0] * 199, [1] * 199)


def test_a_rate_that_never_varies_has_none() -> None:
    assert measured_dispersion([0] * 200, [10] * 200, row_variance=0) == 1
