"""How well does a score tell two classes apart?"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit, ndtri

from flyball.stats.proportions import clopper_pearson_lower

CONFIDENCE: Final = 0.95


@dataclass(frozen=True, slots=True)
class Area:
    """``value``: the chance that a positive scores above a negative, ties counting half; all in [0, 1]."""

    value: float
    lower: float
    upper: float
    positives: int
    negatives: int


def area_under_curve(positives: npt.ArrayLike, negatives: npt.ArrayLike, confidence: float = CONFIDENCE) -> Area:
    """Area under the receiver operating characteristic, from counts (k,) of both classes by rising bins of score.

    Rows of one bin are ties. The interval is normal on the scale of the logit, with DeLong's variance; where the
    classes are told apart without an error that variance is 0, and the bound is that of as many faultless pairs.
    Source: E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson, Biometrics 44 (1988) 837-845; scale: M. S. Pepe, The
    Statistical Evaluation of Medical Tests, 2003, section 5.2. Raises ``ValueError`` for a class without rows.
    """
    right, wrong = np.asarray(positives, np.float64), np.asarray(negatives, np.float64)
    m, n = float(right.sum()), float(wrong.sum())
    if m < 1 or n < 1 or right.shape != wrong.shape:
        raise ValueError(f"an area needs rows of both classes on the same bins: {m:g} positives, {n:g} negatives")
    above_negatives = (np.cumsum(wrong) - wrong / 2) / n
    below_positives = (m - np.cumsum(right) + right / 2) / m
    value = float(right @ above_negatives / m)
    variance = _mean_variance(above_negatives, right, value) + _mean_variance(below_positives, wrong, value)
    lower, upper = _interval(value, variance, min(m, n), confidence)
    return Area(value, lower, upper, int(m), int(n))


def _mean_variance(components: npt.NDArray[np.float64], counts: npt.NDArray[np.float64], mean: float) -> float:
    rows = float(counts.sum())
    return float(counts @ (components - mean) ** 2) / (rows - 1) / rows if rows > 1 else 0.0


def _interval(value: float, variance: float, pairs: float, confidence: float) -> tuple[float, float]:
    if variance > 0 and 0 < value < 1:
        half = float(ndtri((1 + confidence) / 2)) * variance**0.5 / (value * (1 - value))
        return float(expit(logit(value) - half)), float(expit(logit(value) + half))
    surely = clopper_pearson_lower(pairs, pairs, (1 + confidence) / 2)
    return min(value, surely) if value > 0 else 0.0, max(value, 1 - surely) if value < 1 else 1.0
