"""Is the candidate worse than the baseline? A two-sample e-process on two rates, valid at every look.

Traffic comes in blocks of concurrent rows of both arms. For each effect on a grid a block's factor is the likelihood
of (t_b, t_c) over that of (q_b, q_c): what the effect predicts from past blocks alone, and its Kullback-Leibler
projection on the hypothesis. Under the hypothesis a factor's expectation is at most 1, even if both rates change from
block to block, so shared incidents, drifting baselines and changing shares raise no alarm.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp, xlogy

from flyball.stats.neyman_scores import FloatArray

HARM_EFFECTS: Final = (0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
NON_INFERIORITY_EFFECTS: Final = (0.0025, 0.0, -0.0025, -0.005, -0.01, -0.02, -0.05, -0.1)
ABSOLUTE_TOLERANCE: Final = 0.001
RELATIVE_TOLERANCE: Final = 0.1
PROMOTION_TOLERANCE: Final = 0.005
MEMORY: Final = 0.99
"""A block weighs half of a later one after 69 blocks: the baseline's rate follows the day."""
BASELINE_ROWS_MIN: Final = 50
"""Before this many rows of the baseline a bet would be a guess; none is made."""
RATE_MIN: Final = 1e-6
HALVINGS: Final = 50


@dataclass(frozen=True)
class Block:
    """Concurrent traffic of both arms: bad rows (or units) of all."""

    baseline_bad: int
    baseline_count: int
    candidate_bad: int
    candidate_count: int


@dataclass(frozen=True)
class ComparisonEvidence:
    """State of one comparison: per effect the logarithm of its e-value; recent rows of the baseline for the next bet.

    ``effects``: candidate minus baseline, as fractions (0.01 is one percentage point). An effect inside the
    hypothesis makes no bet. ``recent_bad`` and ``recent_count`` may start from the baseline's rows before the rollout.
    """

    effects: tuple[float, ...]
    log_e: tuple[float, ...]
    recent_bad: float = 0.0
    recent_count: float = 0.0

    @property
    def log_e_value(self) -> float:
        """Logarithm of the mean e-value over the effects: reject the hypothesis at log(k / alpha) for k tests."""
        return float(logsumexp(self.log_e) - np.log(len(self.log_e)))

    @property
    def baseline_rate(self) -> float:
        """The baseline's rate as known before the next block, in (0, 1)."""
        return (self.recent_bad + 0.5) / (self.recent_count + 1)


def harm_comparison(effects: tuple[float, ...] = HARM_EFFECTS) -> ComparisonEvidence:
    """Before the first block of a harm test: H0: p_candidate <= p_baseline + tolerance."""
    return ComparisonEvidence(effects, (0.0,) * len(effects))


def non_inferiority_comparison(effects: tuple[float, ...] = NON_INFERIORITY_EFFECTS) -> ComparisonEvidence:
    """Before the first block of a promotion test: H0: p_candidate >= p_baseline + tolerance."""
    return ComparisonEvidence(effects, (0.0,) * len(effects))


def harm_tolerance(baseline_rate: npt.ArrayLike) -> FloatArray:
    """0.1 percentage points or 10 % of the baseline's rate, whichever is more; a fraction, shape of the rate."""
    return np.maximum(ABSOLUTE_TOLERANCE, RELATIVE_TOLERANCE * np.asarray(baseline_rate, dtype=np.float64))


def after_harm_block(state: ComparisonEvidence, block: Block) -> ComparisonEvidence:
    """One block of a harm test, with the tolerance of the baseline's rate as known before the block.

    Source: R. J. Turner, A. Ly, P. D. Grunwald, "Generic E-variables for exact sequential k-sample tests",
    arXiv 2106.02693; R. J. Turner, P. D. Grunwald, arXiv 2203.09785, for the shifted hypothesis and its projection.
    Raises ``ValueError`` for more bad rows than rows.
    """
    return _after_block(state, block, harm_tolerance(state.baseline_rate), side=1)


def after_non_inferiority_block(
    state: ComparisonEvidence, block: Block, tolerance: float = PROMOTION_TOLERANCE
) -> ComparisonEvidence:
    """One block of a promotion test; ``tolerance`` is a fraction. Source and errors as ``after_harm_block``."""
    return _after_block(state, block, tolerance, side=-1)


def log_block_factors(
    block: npt.ArrayLike, baseline_rate: npt.ArrayLike, effects: npt.ArrayLike, tolerance: npt.ArrayLike, side: int
) -> FloatArray:
    """Logarithm of a block's factor per effect; everything broadcasts, so that many comparisons go at once.

    ``block`` (4, ...): bad and count of the baseline, bad and count of the candidate. ``side`` 1 bets against
    p_candidate <= p_baseline + tolerance, -1 against >=. An effect inside the hypothesis gives 0, and so does a block
    in which an arm has no rows: there is nothing concurrent to compare.
    """
    baseline_bad, baseline_count, candidate_bad, candidate_count = np.asarray(block, dtype=np.float64)
    baseline = np.clip(np.asarray(baseline_rate, dtype=np.float64), RATE_MIN, 1 - RATE_MIN)
    candidate = np.clip(baseline + np.asarray(effects, dtype=np.float64), RATE_MIN, 1 - RATE_MIN)
    margin = np.asarray(tolerance, dtype=np.float64)
    null = projection(baseline, candidate, baseline_count, candidate_count, margin)
    log_factor = _log_ratio(baseline_bad, baseline_count, baseline, null)
    log_factor = log_factor + _log_ratio(candidate_bad, candidate_count, candidate, null + margin)
    bets = (side * (candidate - baseline - margin) > 0) & (baseline_count > 0) & (candidate_count > 0)
    return np.where(bets, log_factor, 0.0)


def projection(
    baseline: FloatArray,
    candidate: FloatArray,
    baseline_count: npt.ArrayLike,
    candidate_count: npt.ArrayLike,
    tolerance: npt.ArrayLike,
) -> FloatArray:
    """q_b of the point (q_b, q_b + tolerance) nearest to (baseline, candidate) in Kullback-Leibler divergence.

    The divergence of the whole block counts, so each arm weighs by its rows. All rates in (0, 1).
    """
    margin = np.asarray(tolerance, dtype=np.float64)
    floor, ceiling = np.maximum(0, -margin) + RATE_MIN / 2, 1 - np.maximum(0, margin) - RATE_MIN / 2
    low = np.clip(np.minimum(baseline, candidate - margin), floor, ceiling)
    high = np.clip(np.maximum(baseline, candidate - margin), floor, ceiling)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        shifted = middle + margin
        slope = baseline_count * (middle - baseline) / (middle * (1 - middle))
        slope = slope + candidate_count * (shifted - candidate) / (shifted * (1 - shifted))
        low, high = np.where(slope < 0, middle, low), np.where(slope < 0, high, middle)
    return np.asarray((low + high) / 2, dtype=np.float64)


def _after_block(state: ComparisonEvidence, block: Block, tolerance: npt.ArrayLike, side: int) -> ComparisonEvidence:
    _require_counts(block)
    counts = (block.baseline_bad, block.baseline_count, block.candidate_bad, block.candidate_count)
    gain = np.zeros(len(state.effects))
    if state.recent_count >= BASELINE_ROWS_MIN:
        gain = log_block_factors(counts, state.baseline_rate, state.effects, tolerance, side)
    return replace(
        state,
        log_e=tuple(float(before + now) for before, now in zip(state.log_e, gain, strict=True)),
        recent_bad=MEMORY * state.recent_bad + block.baseline_bad,
        recent_count=MEMORY * state.recent_count + block.baseline_count,
    )


def _log_ratio(bad: FloatArray, count: FloatArray, alternative: FloatArray, null: FloatArray) -> FloatArray:
    log_ratio = xlogy(bad, alternative / null) + xlogy(count - bad, (1 - alternative) / (1 - null))
    return np.asarray(log_ratio, dtype=np.float64)


def _require_counts(block: Block) -> None:
    for arm, bad, count in (
        ("baseline", block.baseline_bad, block.baseline_count),
        ("candidate", block.candidate_bad, block.candidate_count),
    ):
        if not 0 <= bad <= count:
            raise ValueError(f"{arm}: {bad} bad rows of {count}; count each row once")
