from math import comb, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import rel_entr

from flyball.stats.two_sample_betting import (
    HARM_EFFECTS,
    NON_INFERIORITY_EFFECTS,
    Block,
    after_harm_block,
    after_non_inferiority_block,
    harm_comparison,
    harm_tolerance,
    log_block_factors,
    non_inferiority_comparison,
    projection,
)

RATES = st.floats(0.002, 0.9)


def divergence(count: int, one: float, other: float) -> float:
    return count * float(rel_entr(one, other) + rel_entr(1 - one, 1 - other))


@given(RATES, st.sampled_from(HARM_EFFECTS), st.integers(1, 5_000), st.integers(1, 500))
def test_the_projection_is_the_nearest_point(rate: float, effect: float, baseline: int, candidate: int) -> None:
    high = min(rate + effect, 0.999)
    if high <= rate + 0.001:
        return
    ours = float(projection(np.array(rate), np.array(high), baseline, candidate, 0.001))
    best = minimize_scalar(
        lambda q: divergence(baseline, rate, q) + divergence(candidate, high, q + 0.001),
        bounds=(rate, high - 0.001),
        method="bounded",
        options={"xatol": 1e-9},
    )
    distance = divergence(baseline, rate, ours) + divergence(candidate, high, ours + 0.001)
    assert distance <= best.fun + 1e-9


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("sizes", [(9, 3), (4, 4), (2, 7)])
@pytest.mark.parametrize("rate", [0.01, 0.2, 0.5])
def test_by_enumeration_no_rates_of_the_hypothesis_make_a_block_win(
    side: int, sizes: tuple[int, int], rate: float
) -> None:
    effects = HARM_EFFECTS if side > 0 else NON_INFERIORITY_EFFECTS
    tolerance = 0.001 if side > 0 else 0.005
    grid = np.array([(a, b) for a in range(sizes[0] + 1) for b in range(sizes[1] + 1)])
    ways = np.array([comb(sizes[0], a) * comb(sizes[1], b) for a, b in grid])
    block = np.stack((grid[:, 0], np.full(len(grid), sizes[0]), grid[:, 1], np.full(len(grid), sizes[1])))[..., None]
    factors = np.exp(log_block_factors(block, rate, effects, tolerance, side))
    for baseline in np.linspace(0, 1, 21):
        for candidate in [*np.linspace(0, 1, 21), baseline + tolerance]:
            if candidate > 1 or side * (candidate - baseline - tolerance) > 1e-12:
                continue
            p = baseline ** grid[:, 0] * (1 - baseline) ** (sizes[0] - grid[:, 0])
            p = p * candidate ** grid[:, 1] * (1 - candidate) ** (sizes[1] - grid[:, 1]) * ways
            assert (p @ factors <= 1 + 1e-9).all()


def test_one_block_by_hand() -> None:
    state = harm_comparison((0.02,))
    state = after_harm_block(state, Block(5, 1_000, 0, 0))
    rate = 5.5 / 1_001
    state = after_harm_block(state, Block(10, 1_000, 3, 50))
    null = float(projection(np.array(rate), np.array(rate + 0.02), 1_000, 50, 0.001))
    expected = (
        10 * log(rate / null)
        + 990 * log((1 - rate) / (1 - null))
        + 3 * log((rate + 0.02) / (null + 0.001))
        + 47 * log((1 - rate - 0.02) / (1 - null - 0.001))
    )
    assert state.log_e_value == pytest.approx(expected)


def test_no_bet_before_the_baseline_is_known_or_without_concurrent_traffic() -> None:
    first = after_harm_block(harm_comparison(), Block(40, 40, 30, 30))
    assert first.log_e_value == 0
    known = after_harm_block(first, Block(0, 500, 0, 0))
    assert known.log_e_value == 0
    assert after_harm_block(known, Block(0, 0, 9, 9)).log_e == known.log_e


def test_the_tolerance_is_absolute_under_one_percent_and_relative_above() -> None:
    assert harm_tolerance([0.001, 0.01, 0.2]) == pytest.approx([0.001, 0.001, 0.02])


def test_a_much_worse_candidate_is_found_and_a_healthy_one_is_promoted() -> None:
    harm, promotion = harm_comparison(), non_inferiority_comparison()
    for _ in range(20):
        harm = after_harm_block(harm, Block(57, 5_700, 12, 300))
        promotion = after_non_inferiority_block(promotion, Block(57, 5_700, 12, 300))
    assert harm.log_e_value > log(100)
    assert promotion.log_e_value < 0
    harm, promotion = harm_comparison(), non_inferiority_comparison()
    for _ in range(60):
        harm = after_harm_block(harm, Block(57, 5_700, 3, 300))
        promotion = after_non_inferiority_block(promotion, Block(57, 5_700, 3, 300))
    assert harm.log_e_value < 0
    assert promotion.log_e_value > log(20)


@pytest.mark.parametrize("block", [Block(2, 1, 0, 1), Block(0, 1, 2, 1), Block(-1, 1, 0, 1)])
def test_impossible_counts_are_refused(block: Block) -> None:
    with pytest.raises(ValueError, match="count each row once"):
        after_harm_block(harm_comparison(), block)


def test_extreme_rates_stay_finite() -> None:
    state = after_harm_block(harm_comparison(), Block(1_000, 1_000, 0, 0))
    for block in (Block(1_000, 1_000, 1_000, 1_000), Block(0, 10**9, 10**9, 10**9), Block(0, 10**9, 0, 1)):
        state = after_harm_block(state, block)
        assert np.isfinite(state.log_e_value)
