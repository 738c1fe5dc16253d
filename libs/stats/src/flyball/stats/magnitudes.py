"""The grid of powers of two: where a number lies, however far from what anybody expected.

A magnitude is a whole number in the order of the numbers: 0 for zero; for others the power of two at or below their
absolute value, moved so that the smallest double has 1, with the sign of the number. Counts of magnitudes add.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

MAGNITUDE_MAX: Final = 2_098
"""Of the largest double."""
_MOVED: Final = 1_074
"""The smallest double is 2 to the power of -1,074, and ``frexp`` counts from one half."""


def magnitudes_of(numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """The magnitude of each finite number."""
    fractions, exponents = np.frexp(numbers)
    return np.sign(fractions).astype(np.int64) * (exponents.astype(np.int64) + _MOVED)


def bounds_of(magnitude: int) -> tuple[float, float]:
    """The numbers of a magnitude: from the first, which is one of them, up to the second, which is not.

    For negative numbers it is the other way round. Raises ``ValueError`` for what is the magnitude of no double.
    """
    if abs(magnitude) > MAGNITUDE_MAX:
        raise ValueError(f"magnitudes go from {-MAGNITUDE_MAX} to {MAGNITUDE_MAX}, not to {magnitude}")
    if magnitude == 0:
        return 0.0, 0.0
    low = float(np.ldexp(1.0, abs(magnitude) - _MOVED - 1))
    high = low * 2
    return (low, high) if magnitude > 0 else (-high, -low)
