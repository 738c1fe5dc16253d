"""Does confidence mean what it says? Bins that do not split ties, and errors without the bias of small samples."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from flyball.stats.neyman_scores import FloatArray
from flyball.stats.proportions import clopper_pearson_lower, clopper_pearson_upper, kish_effective_size

BINS: Final = 15
DOUBT: Final = 0.05


@dataclass(frozen=True)
class ReliabilityBin:
    """Predictions of like confidence. ``share`` of the weight; ``rows`` is the effective number of rows."""

    share: float
    rows: float
    mean_confidence: float
    accuracy: float


def reliability_bins(
    confidence: npt.ArrayLike, correct: npt.ArrayLike, weight: npt.ArrayLike | None = None, bins: int = BINS
) -> list[ReliabilityBin]:
    """At most ``bins`` bins of about equal weight, by rising confidence; rows of equal confidence stay together.

    ``confidence`` (n,) in [0, 1], ``correct`` (n,) 0 or 1, ``weight`` (n,) 1/p of the sampling, default 1.
    Source: K. Nguyen, B. O'Connor, EMNLP 2015, arXiv 1508.05154 (adaptive bins).
    Raises ``ValueError`` for lengths that differ, non-finite or out-of-range values, or no rows.
    """
    stated, right, weights = _checked(confidence, correct, weight)
    values, group = np.unique(stated, return_inverse=True)
    mass = np.bincount(group, weights)
    middle = (np.cumsum(mass) - mass / 2) / mass.sum()
    bin_of_row = np.minimum((middle * bins).astype(np.int64), bins - 1)[group]
    del values
    return [_bin(stated[held], right[held], weights[held], weights.sum()) for held in _members(bin_of_row)]


def adaptive_calibration_error(reliability: list[ReliabilityBin]) -> float:
    """Plug-in expected calibration error over adaptive bins, a fraction. Biased upward: report, never gate on it."""
    return sum(each.share * abs(each.accuracy - each.mean_confidence) for each in reliability)


def debiased_calibration_error(reliability: list[ReliabilityBin]) -> float:
    """Root of the squared calibration error less the part that is sampling noise, a fraction, at least 0.

    Source: A. Kumar, P. Liang, T. Ma, "Verified uncertainty calibration", NeurIPS 2019, arXiv 1909.10155, section 4;
    C. A. T. Ferro, T. E. Fricker, Q. J. R. Meteorological Society 138 (2012) 1954-1960. Bins of one row are left out.
    """
    usable = [each for each in reliability if each.rows > 1]
    squared = sum(
        each.share
        * ((each.accuracy - each.mean_confidence) ** 2 - each.accuracy * (1 - each.accuracy) / (each.rows - 1))
        for each in usable
    )
    return float(np.sqrt(max(0.0, squared)))


def brier_score(confidence: npt.ArrayLike, correct: npt.ArrayLike, weight: npt.ArrayLike | None = None) -> float:
    """Weighted mean of (confidence - correct)^2: 0 is perfect, 0.25 is what always saying 50 % gets.

    Source: G. W. Brier, Monthly Weather Review 78 (1950) 1-3. Shapes and errors as ``reliability_bins``.
    """
    stated, right, weights = _checked(confidence, correct, weight)
    return float(weights @ (stated - right) ** 2 / weights.sum())


@dataclass(frozen=True)
class Equivalence:
    """``gap``: mean confidence less accuracy; it lies in [lower, upper] with 5 % doubt on each side; fractions."""

    gap: float
    lower: float
    upper: float
    equivalent: bool


def calibration_equivalence(
    confidence: npt.ArrayLike, correct: npt.ArrayLike, limit: float, weight: npt.ArrayLike | None = None
) -> Equivalence:
    """Is mean confidence proven to be within ``limit`` of accuracy? Two one-sided tests at 5 %, for one look.

    Accuracy has Clopper-Pearson bounds, which also hold when chances differ from row to row; with weights they use
    Kish's effective size. Few rows are not equivalent: absence of evidence is none.
    Source: D. J. Schuirmann, J. Pharmacokinetics and Biopharmaceutics 15 (1987) 657-680; W. Hoeffding, Annals of
    Mathematical Statistics 27 (1956) 713-721. Shapes and errors as ``reliability_bins``.
    """
    whole = _bin(*(checked := _checked(confidence, correct, weight)), checked[2].sum())
    hits = whole.accuracy * whole.rows
    lower = whole.mean_confidence - clopper_pearson_upper(hits, whole.rows, 1 - DOUBT)
    upper = whole.mean_confidence - clopper_pearson_lower(hits, whole.rows, 1 - DOUBT)
    gap = whole.mean_confidence - whole.accuracy
    return Equivalence(gap, lower, upper, equivalent=-limit < lower and upper < limit)


def overconfident_bins(
    reliability: list[ReliabilityBin], action_threshold: float, limit: float
) -> list[ReliabilityBin]:
    """Bins above the action threshold whose confidence provably exceeds their accuracy by more than ``limit``.

    Each is judged at 5 % divided by the number of bins judged (Bonferroni), by its upper Clopper-Pearson bound.
    """
    judged = [each for each in reliability if each.mean_confidence >= action_threshold]
    confidence = 1 - DOUBT / max(len(judged), 1)
    return [
        each
        for each in judged
        if clopper_pearson_upper(each.accuracy * each.rows, each.rows, confidence) < each.mean_confidence - limit
    ]


def _checked(
    confidence: npt.ArrayLike, correct: npt.ArrayLike, weight: npt.ArrayLike | None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    stated = np.asarray(confidence, dtype=np.float64)
    right = np.asarray(correct, dtype=np.float64)
    weights = np.ones(stated.shape) if weight is None else np.asarray(weight, dtype=np.float64)
    if not stated.shape == right.shape == weights.shape or stated.ndim != 1 or not stated.size:
        raise ValueError("calibration needs as many confidences as outcomes and weights, and at least one")
    if not ((stated >= 0) & (stated <= 1)).all() or not np.isin(right, (0.0, 1.0)).all():
        raise ValueError("calibration: confidences lie in 0..1 and outcomes are 0 or 1")
    if not (np.isfinite(weights) & (weights > 0)).all():
        raise ValueError("calibration: weights are finite and above 0")
    return stated, right, weights


def _members(bin_of_row: npt.NDArray[np.int64]) -> list[npt.NDArray[np.int64]]:
    order = np.argsort(bin_of_row, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(bin_of_row[order])) + 1)


def _bin(stated: FloatArray, right: FloatArray, weights: FloatArray, total: float) -> ReliabilityBin:
    mass = float(weights.sum())
    return ReliabilityBin(
        share=mass / float(total),
        rows=kish_effective_size(mass, float(weights @ weights)),
        mean_confidence=float(weights @ stated) / mass,
        accuracy=float(weights @ right) / mass,
    )
