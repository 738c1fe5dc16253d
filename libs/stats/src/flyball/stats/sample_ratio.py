"""Do the arms get the traffic they were promised? A check that may be looked at after every batch."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from scipy.special import gammaln, xlogy

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
