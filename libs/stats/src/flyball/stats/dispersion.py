"""How much more a pane's total varies than it would with independent rows."""

from typing import Final

import numpy as np
import numpy.typing as npt

PANES_MIN: Final = 200
COUNT_SESSIONS_ABOVE: Final = 5.0
ONE_SIDED_99: Final = 2.3263478740408408


def measured_dispersion(score_sums: npt.ArrayLike, rows: npt.ArrayLike, row_variance: float = 1.0) -> float:
    """Variance of pane totals over that of independent rows, at least 1.

    ``score_sums`` and ``rows`` (panes,): a score summed over each in-control pane, in order of time, and its rows.
    ``row_variance`` of one row: 1 for a Neyman score, p(1-p) for a rate. Neighbouring panes that move together count
    too (Bartlett weights). Either excess counts only beyond its own sampling noise (one-sided 99 %): the tolerance of
    the bets covers less, and noise taken for dispersion delays every alarm by a fifth. A rare rate shows hardly any
    dispersion in few panes and alarms falsely later: give it the largest that its feature's other streams show.
    Above 5 the rows hang together so closely that sessions should be counted instead.
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
    within = float(standardised @ standardised) / standardised.size
    noise = ONE_SIDED_99 * float(np.sqrt(2 / standardised.size))
    return (within if within > 1 + noise else 1.0) * _between_panes(standardised)


def _between_panes(series: npt.NDArray[np.float64]) -> float:
    """Long-run variance over the variance of one pane, at least 1."""
    panes = series.size
    lags = int(4 * (panes / 100) ** (2 / 9))
    weights = 1 - np.arange(1, lags + 1) / (lags + 1)
    products = np.array([float(series[lag:] @ series[: panes - lag]) for lag in range(1, lags + 1)])
    excess = 2 * float(weights @ products) / max(float(series @ series), np.finfo(float).tiny)
    noise = ONE_SIDED_99 * 2 * float(np.sqrt(weights @ weights / panes))
    return 1 + excess if excess > noise else 1.0
