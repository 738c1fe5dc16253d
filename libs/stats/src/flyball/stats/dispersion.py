"""How much more a pane's total varies than it would with independent rows."""

from typing import Final

import numpy as np
import numpy.typing as npt

PANES_MIN: Final = 200
COUNT_SESSIONS_ABOVE: Final = 5.0


def measured_dispersion(score_sums: npt.ArrayLike, rows: npt.ArrayLike, row_variance: float = 1.0) -> float:
    """Variance of pane totals over that of independent rows, at least 1.

    ``score_sums`` and ``rows`` (panes,): a score summed over each in-control pane, in order of time, and its rows.
    ``row_variance`` of one row: 1 for a Neyman score, p(1-p) for a rate. Neighbouring panes that move together count
    too (Bartlett weights). Above 5 the rows hang together so closely that sessions should be counted instead.
    Source: W. K. Newey, K. D. West, Econometrica 55 (1987) 703-708, lags by Review of Economic Studies 61 (1994) 631.
    Raises ``ValueError`` under 200 panes with rows: less cannot tell.
    """
    size = np.asarray(rows, dtype=np.float64)
    filled = size > 0
    if filled.sum() < PANES_MIN:
        raise ValueError(f"dispersion needs {PANES_MIN} in-control panes with rows, not {int(filled.sum())}")
    if row_variance <= 0:
        return 1.0
    size, sums = size[filled], np.asarray(score_sums, dtype=np.float64)[filled]
    standardised = (sums - size * (sums.sum() / size.sum())) / np.sqrt(size * row_variance)
    return max(1.0, float(standardised @ standardised) / len(standardised), _long_run_variance(standardised))


def _long_run_variance(series: npt.NDArray[np.float64]) -> float:
    panes = len(series)
    lags = int(4 * (panes / 100) ** (2 / 9))
    covariances = [float(series[lag:] @ series[: panes - lag]) / panes for lag in range(lags + 1)]
    weighted = sum((1 - lag / (lags + 1)) * covariances[lag] for lag in range(1, lags + 1))
    return covariances[0] + 2 * weighted
