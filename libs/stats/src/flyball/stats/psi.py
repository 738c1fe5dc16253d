"""How far apart are two distributions? Effects from bin counts, with the bias of small samples taken out."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import chdtrc, chdtri, kolmogorov

from flyball.stats.neyman_scores import FloatArray, IntArray

DECILES = 10
ROWS_PER_BIN_MIN = 10
ONE_SIDED_95 = 1.6448536269514722


@dataclass(frozen=True)
class PopulationStability:
    """``value``: bias-corrected, in nats, may be slightly below 0. ``lower``: one-sided 95 % bound, at least 0."""

    value: float
    lower: float


def decile_groups(reference_counts: npt.ArrayLike) -> IntArray:
    """Which of at most ten groups of about equal reference share each of K bins belongs to; shape (K,), from 0.

    Bins are never split: an atom of 60 % is one group.
    """
    counts = np.asarray(reference_counts, dtype=np.float64)
    total = counts.sum()
    if total <= 0:
        return np.zeros(counts.size, np.int64)
    middle = (np.cumsum(counts) - counts / 2) / total
    return np.unique(np.minimum((middle * DECILES).astype(np.int64), DECILES - 1), return_inverse=True)[1]


def grouped(counts: npt.ArrayLike, groups: IntArray) -> IntArray:
    """Counts per group, in the order of the groups; shape (groups,)."""
    return np.bincount(groups, weights=np.asarray(counts, dtype=np.float64)).astype(np.int64)


def population_stability(reference: npt.ArrayLike, live: npt.ArrayLike) -> PopulationStability | None:
    """Population stability index of two count vectors of B bins (deciles, or categories); None if insufficient.

    sum (q - p) ln(q/p) with 1/2 added to each count, less its expectation (B - 1)(1/n + 1/m) for equal
    distributions; lower = value - 1.645 se, where se joins the delta-method variance and the variance that
    remains for equal distributions, the latter set so that the bound is exact there. Insufficient: one bin,
    or under ten rows per bin on either side. Bins empty on both sides do not count.
    Source: B. Yurdakul, J. Naranjo, J. Risk Model Validation 14 (2020), for the chi-square law of the index.
    """
    p_counts, q_counts = _occupied(reference, live)
    bins, n, m = p_counts.size, p_counts.sum(), q_counts.sum()
    if bins < 2 or min(n, m) < ROWS_PER_BIN_MIN * bins:  # noqa: PLR2004 one bin cannot differ
        return None
    p, q = _smoothed(p_counts), _smoothed(q_counts)
    log_ratio = np.log(q / p)
    scale = 1 / n + 1 / m
    value = float((q - p) @ log_ratio - (bins - 1) * scale)
    slope_p, slope_q = 1 - log_ratio - q / p, 1 + log_ratio - p / q
    variance = _variance(slope_p, p) / n + _variance(slope_q, q) / m
    quiet = (float(chdtri(bins - 1, 0.05)) - (bins - 1)) / ONE_SIDED_95 * scale
    return PopulationStability(value, max(0.0, value - ONE_SIDED_95 * float(np.sqrt(variance + quiet**2))))


def jensen_shannon(reference: npt.ArrayLike, live: npt.ArrayLike) -> float:
    """Jensen-Shannon divergence in bits: 0 for equal shares, 1 for disjoint ones.

    Source: J. Lin, IEEE Trans. Information Theory 37 (1991) 145-151. Raises ``ValueError`` if either side is empty.
    """
    p, q = _shares(reference), _shares(live)
    middle = (p + q) / 2
    return (_relative_entropy(p, middle) + _relative_entropy(q, middle)) / (2 * float(np.log(2)))


def kullback_leibler(reference: npt.ArrayLike, live: npt.ArrayLike) -> float:
    """Relative entropy of live against reference in nats, with 1/2 added to each count so that it is finite.

    Source: S. Kullback, R. A. Leibler, Annals of Mathematical Statistics 22 (1951) 79-86.
    """
    p_counts, q_counts = _occupied(reference, live)
    return _relative_entropy(_smoothed(q_counts), _smoothed(p_counts))


def kolmogorov_smirnov(reference: npt.ArrayLike, live: npt.ArrayLike) -> tuple[float, float]:
    """(D, p): largest gap between cumulative shares at the bins' edges, and its asymptotic two-sample p-value.

    Between edges the gap may be larger, so p errs to the safe side.
    Source: N. Smirnov, Annals of Mathematical Statistics 19 (1948) 279-281.
    Raises ``ValueError`` if either side is empty.
    """
    n, m = float(np.sum(reference)), float(np.sum(live))
    distance = float(np.abs(np.cumsum(_shares(reference)) - np.cumsum(_shares(live))).max())
    return distance, float(kolmogorov(distance * np.sqrt(n * m / (n + m))))


def chi_square(reference: npt.ArrayLike, live: npt.ArrayLike) -> tuple[float, float]:
    """(statistic, p) of Pearson's two-sample test of homogeneity; bins empty on both sides do not count.

    Source: K. Pearson, Philosophical Magazine 50 (1900) 157-175. (0, 1) with fewer than two bins.
    """
    table = np.stack(_occupied(reference, live)).astype(np.float64)
    if table.shape[1] < 2 or (table.sum(axis=1) == 0).any():  # noqa: PLR2004 one bin cannot differ
        return 0.0, 1.0
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    statistic = float(((table - expected) ** 2 / expected).sum())
    return statistic, float(chdtrc(table.shape[1] - 1, statistic))


def wasserstein(reference: npt.ArrayLike, live: npt.ArrayLike, cuts: npt.ArrayLike, scale: float) -> float | None:
    """Earth mover's distance in units of ``scale`` (the reference's standard deviation); None if that is 0.

    ``cuts`` (K + 1,): minimum, the K - 1 edges, maximum. Rows are taken as spread evenly over their bin, and rows
    beyond the ends as lying in the outer bin, so that one wild value changes nothing.
    Source: S. S. Vallender, Theory of Probability and its Applications 18 (1974) 784-786 (the integral of |F - G|).
    """
    if scale <= 0:
        return None
    gap = np.concatenate(([0.0], np.cumsum(_shares(live) - _shares(reference))))
    left, right = np.abs(gap[:-1]), np.abs(gap[1:])
    crossing = gap[:-1] * gap[1:] < 0
    total = np.maximum(left + right, np.finfo(float).tiny)
    mean_gap = np.where(crossing, (left**2 + right**2) / (2 * total), total / 2)
    widths = np.maximum(np.diff(np.asarray(cuts, dtype=np.float64) / scale), 0)
    return float(mean_gap @ widths)


def _occupied(reference: npt.ArrayLike, live: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    p, q = np.asarray(reference, dtype=np.float64), np.asarray(live, dtype=np.float64)
    keep = (p + q) > 0
    return p[keep], q[keep]


def _smoothed(counts: FloatArray) -> FloatArray:
    return np.asarray((counts + 0.5) / (counts.sum() + 0.5 * counts.size), dtype=np.float64)


def _shares(counts: npt.ArrayLike) -> FloatArray:
    values = np.asarray(counts, dtype=np.float64)
    if values.sum() <= 0:
        raise ValueError("no rows to compare: one side is empty")
    return np.asarray(values / values.sum(), dtype=np.float64)


def _relative_entropy(p: FloatArray, q: FloatArray) -> float:
    held = p > 0
    return float(p[held] @ np.log(p[held] / q[held]))


def _variance(slope: FloatArray, shares: FloatArray) -> float:
    return float(shares @ slope**2 - (shares @ slope) ** 2)
