import itertools
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyball.stats.count_bets import rate_bets, score_bets, stack
from flyball.stats.proportions import clopper_pearson_lower, clopper_pearson_upper


@given(st.lists(st.integers(0, 5_000), min_size=2, max_size=50).filter(lambda counts: sum(counts) >= 500))
def test_a_row_from_the_reference_is_expected_to_win_nothing(counts: list[int]) -> None:
    shares = np.array(counts) / sum(counts)
    assert (np.exp(score_bets(counts).log_gain[0]) @ shares <= 1 + 1e-9).all()


def test_no_distribution_within_the_tolerance_makes_location_bets_win() -> None:
    counts = np.full(50, 200)
    ranks = (np.arange(50) + 0.5) / 50
    shares = (1 + 0.02 * np.sqrt(12) * (ranks - 0.5)) / 50  # a location score of 0.02 = 2/sqrt(10,000)
    assert (np.exp(score_bets(counts).log_gain[0]) @ shares <= 1 + 1e-6).all()
    shares = (1 + 0.2 * np.sqrt(12) * (ranks - 0.5)) / 50
    assert (np.exp(score_bets(counts).log_gain[0]) @ shares > 1).any()


@pytest.mark.parametrize("hits", [0, 3, 50, 497, 500])
@pytest.mark.parametrize("side", ["lower", "upper"])
def test_by_enumeration_no_rate_within_the_bounds_makes_rate_bets_win(hits: int, side: str) -> None:
    confidence = 1 - 0.05 / 20
    bound = clopper_pearson_lower if side == "lower" else clopper_pearson_upper
    bets = rate_bets(hits, 500, streams=10)
    rate, rows = bound(hits, 500, confidence), 30
    chances = np.array([comb(rows, k) * rate**k * (1 - rate) ** (rows - k) for k in range(rows + 1)])
    counts = np.array([(rows - k, k) for k in range(rows + 1)])
    expected = np.exp(bets.log_gain[0] @ counts.T) @ chances
    assert (expected[bets.active[0]] <= 1 + 1e-9).all()


def test_by_enumeration_a_product_over_panes_wins_nothing_either() -> None:
    counts = [100, 300, 100]
    shares, gain = np.array(counts) / 500, np.exp(score_bets(counts).log_gain[0])
    rows = list(itertools.product(range(3), repeat=4))
    chances = np.array([np.prod(shares[list(row)]) for row in rows])
    products = np.array([np.prod(gain[:, list(row)], axis=1) for row in rows])
    assert (chances @ products <= 1 + 1e-9).all()


def test_every_factor_is_finite_even_for_a_rare_bin() -> None:
    assert np.isfinite(score_bets([1, 99_999]).log_gain).all()
    assert np.isfinite(score_bets([0, 50_000, 0, 50_000, 1]).log_gain).all()


def test_dispersion_divides_the_evidence_and_widens_the_tolerance() -> None:
    plain, spread = score_bets([500] * 20), score_bets([500] * 20, dispersion=4.0)
    assert (spread.log_gain <= plain.log_gain.clip(min=0) / 4 + plain.log_gain.clip(max=0) / 4 + 1e-12).all()
    lowest = -0.475 / np.sqrt((1 - 1 / 20**2) / 12)
    wider = np.log1p(0.5 * 2 * np.sqrt(4 / 10_000)) / 4
    assert spread.log_gain[0, 3, 0] == pytest.approx(np.log1p(0.5 * lowest) / 4 - wider)


def test_what_the_reference_cannot_carry_makes_no_bet() -> None:
    assert not score_bets([0, 700, 0]).active.any()
    assert not score_bets([0, 0]).active.any()
    assert not rate_bets(0, 0, streams=3).active.any()
    assert rate_bets(0, 500, streams=3).active[0].tolist() == [True] * 5 + [False] * 3
    assert rate_bets(500, 500, streams=3).active[0].tolist() == [False] * 5 + [True] * 3


def test_stacking_pads_with_bets_that_are_not_made() -> None:
    both = stack([score_bets([100] * 5), rate_bets(5, 500, streams=2)])
    assert both.log_gain.shape == (2, 16, 5)
    assert both.active.sum(axis=1).tolist() == [16, 8]
    with pytest.raises(ValueError, match="no streams"):
        stack([])
