"""Histogram bins by the first three significant digits of a whole number.

Like G. Tene's HdrHistogram, but with decimal edges: every number with up to three significant digits (250 ms, 5 s,
$0.10) is an edge, so that "under 5 s" is counted exactly and not to within a bin. A bin is 1 % of its lower edge wide
at most. The grid is the same for every unit and for all time, so that counts of any two histograms add.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]

EXACT_BELOW = 1_000
PER_DECADE = 900
MANTISSA_MIN = 100
DECADES = 16
"""Above 1,000, as far as a 64-bit number reaches."""
BINS_MAX = EXACT_BELOW + DECADES * PER_DECADE
"""No whole number of 64 bits lies in this bin or in a higher one."""
_POWERS = 10 ** np.arange(DECADES + 1, dtype=np.int64)
_DECADE_STARTS = EXACT_BELOW * _POWERS[:DECADES]


def decimal_bin(value: int) -> int:
    """The bin of a whole number >= 0. Below 1,000 each number has a bin of its own."""
    if value < EXACT_BELOW:
        return value
    exponent = len(str(value)) - 3
    mantissa: int = value // 10**exponent
    return EXACT_BELOW + (exponent - 1) * PER_DECADE + mantissa - MANTISSA_MIN


def decimal_bins(values: IntArray) -> IntArray:
    """``decimal_bin`` of each of many whole numbers from 0 to 2^63 - 1, any shape."""
    exponents = np.searchsorted(_DECADE_STARTS, values, side="right")
    mantissas = values // _POWERS[exponents]
    above = mantissas + (EXACT_BELOW - PER_DECADE - MANTISSA_MIN) + exponents * PER_DECADE
    return np.where(exponents == 0, values, above)


def lower_edge(bin_index: int) -> int:
    """The smallest number in a bin."""
    if bin_index < EXACT_BELOW:
        return bin_index
    decade, offset = divmod(bin_index - EXACT_BELOW, PER_DECADE)
    edge: int = (offset + MANTISSA_MIN) * 10 ** (decade + 1)
    return edge


def count_below(bins: Mapping[int, int], limit: int) -> int:
    """How many values were below ``limit``: exact if it has at most three significant digits.

    Any other limit is rounded down to the next edge.
    """
    first_excluded = decimal_bin(limit)
    return sum(count for index, count in bins.items() if index < first_excluded)
