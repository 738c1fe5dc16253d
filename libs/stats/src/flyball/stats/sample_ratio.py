"""Do the arms get the traffic they were promised? A check that may be looked at after every batch."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from scipy.special import bdtr, bdtrik, gammaln, xlogy

BASIS_POINTS: Final = 10_000
CONCENTRATION: Final = 1_000.0
"""Deviations looked for are about the planned share +- sqrt(share (1 - share) / 1,000): 0.7 pp at 5 %."""


def log_sample_ratio_evidence(
    counts: Sequence[int], planned_basis_points: Sequence[int], concentration: float = CONCENTRATION
) -> float:
    """Logarithm of the e-value against "units go to the arms in the planned shares"; reject at log(1/alpha).

    ``counts``: units per arm since the share was set, each unit once. ``planned_basis_points`` add to 10,000. A Bayes
    factor of a Dirichlet mixture around the plan: under the plan a martingale from 1, so that its running maximum
    exceeds 1/alpha with chance alpha at most. Stages with different shares multiply: add their logarithms. inf when
    an arm with share 0 has units.
    Source: M. Lindon, A. Malek, "Anytime-valid inference for multinomial count data", arXiv 2011.03567.
    Raises ``ValueError`` if the lengths differ, a count is negative or the shares do not add to 10,000.
    """
    if len(counts) != len(planned_basis_points) or min(counts, default=0) < 0:
        raise ValueError("sample ratio: one count of zero or more per arm")
    if sum(planned_basis_points) != BASIS_POINTS or min(planned_basis_points) < 0:
        raise ValueError(f"sample ratio: planned shares must add to {BASIS_POINTS} basis points")
    seen, shares = np.array(counts, dtype=np.float64), np.array(planned_basis_points) / BASIS_POINTS
    if (seen[shares == 0] > 0).any():
        return float("inf")
    seen, shares = seen[shares > 0], shares[shares > 0]
    prior = concentration * shares
    mixture = gammaln(prior + seen).sum() - gammaln(prior).sum()
    normaliser = gammaln(concentration + seen.sum()) - gammaln(concentration)
    return float(mixture - normaliser - xlogy(seen, shares).sum())


@lru_cache(maxsize=256)
def shares_by_chance(planned_basis_points: int, units: int, alpha: float) -> tuple[int, int]:
    """The shares (basis points) that a hash gives an arm of ``units`` units with chance 1 - alpha at least.

    A hash sends a unit's whole traffic one way, so a share of the requests is no more exact than the share of the
    units: with 20 of 400 units planned, 28 of them are no surprise, however many requests they make. Exact binomial
    quantiles, rounded outwards. Raises ``ValueError`` for no units or a plan outside 0..10,000.
    """
    if units < 1 or not 0 <= planned_basis_points <= BASIS_POINTS:
        raise ValueError("sample ratio: it takes at least one unit and a planned share of 0 to 10000 basis points")
    share = planned_basis_points / BASIS_POINTS
    if share in {0.0, 1.0}:
        return planned_basis_points, planned_basis_points
    low, high = (_binomial_quantile(chance, units, share) for chance in (alpha / 2, 1 - alpha / 2))
    return low * BASIS_POINTS // units, -(-high * BASIS_POINTS // units)


def log_share_evidence(counts: tuple[int, int], basis_points: tuple[int, int]) -> float:
    """Logarithm of the e-value against "the first arm's share lies in this range"; reject at log(1/alpha).

    ``counts``: rows of the arm and of the rest. ``basis_points``: lower and upper end of the range, both in it. The
    evidence against the share of the range that lies nearest to what was seen: it is the least of all in the range,
    so it wins nothing under any of them.
    """
    total, (low, high) = sum(counts), basis_points
    nearest = min(max(round(counts[0] * BASIS_POINTS / total), low), high) if total else low
    return log_sample_ratio_evidence(counts, (nearest, BASIS_POINTS - nearest))


def _binomial_quantile(chance: float, rows: int, p: float) -> int:
    """As ``scipy.stats.binom.ppf``, whose import alone takes 65 MiB."""
    count = int(np.ceil(bdtrik(chance, rows, p)))
    return count - 1 if count > 0 and bdtr(count - 1, rows, p) >= chance else count
