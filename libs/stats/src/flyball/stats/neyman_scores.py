"""Neyman's smooth components on counts: which way and how did a distribution move?

A value's mid-PIT is the share of the reference below its bin plus half of its bin's share. Two scores of it see most
of what happens to a feature in production: the first moves with location, the second with scale. Because they are
ranks, they are the same for ``exp(x)`` and change only their sign for ``-x``.
"""

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

COMPONENTS = 2
VARIANCE_MIN = 1e-9


def middle_ranks(reference_counts: npt.ArrayLike) -> FloatArray:
    """Mid-PIT of each of K bins, in (0, 1), from the reference's counts; shape (K,).

    Source: E. Parzen, Statistical Science 19 (2004) 652-662 (the mid-distribution function).
    Raises ``ValueError`` when the reference is empty: nothing has no ranks.
    """
    shares = _shares(reference_counts)
    return np.asarray(np.cumsum(shares) - shares / 2, dtype=np.float64)


def neyman_scores(reference_counts: npt.ArrayLike) -> FloatArray:
    """Location and scale score of each of K bins; shape (2, K).

    Under the reference each has mean 0 and variance 1 and they do not correlate. A score that the reference cannot
    carry (location needs two occupied bins, scale three; an all-null column has none) is 0 everywhere.
    Source: J. Neyman, Skandinavisk Aktuarietidskrift 20 (1937) 149-199, with polynomials orthonormal under the
    discrete reference as in J. C. W. Rayner, D. J. Best, Smooth Tests of Goodness of Fit, 1989, chapter 5.
    """
    if not np.any(reference_counts):
        return np.zeros((COMPONENTS, np.size(reference_counts)))
    shares = _shares(reference_counts)
    location = _standardised(middle_ranks(reference_counts) - 0.5, shares)
    square = location**2 - 1
    scale = _standardised(square - (shares @ (square * location)) * location, shares)
    return np.stack((location, scale))


def _shares(reference_counts: npt.ArrayLike) -> FloatArray:
    counts = np.asarray(reference_counts, dtype=np.float64)
    total = counts.sum()
    if total <= 0:
        raise ValueError("the reference has no rows: build it from at least 500")
    return np.asarray(counts / total, dtype=np.float64)


def _standardised(score: FloatArray, shares: FloatArray) -> FloatArray:
    centred = score - shares @ score
    variance = float(shares @ centred**2)
    return centred / np.sqrt(variance) if variance > VARIANCE_MIN else np.zeros_like(centred)
