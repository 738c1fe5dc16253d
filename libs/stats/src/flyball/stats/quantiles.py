"""Quantiles of values that are known by decimal bin, with intervals that hold for any distribution."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

from scipy.special import bdtr

from flyball.stats.decimal_bins import lower_edge


@dataclass(frozen=True, slots=True)
class Quantile:
    """``value``, ``lower`` and ``upper`` in the unit of the bins; an end is None where there are too few values."""

    value: float
    lower: float | None
    upper: float | None
    count: int


def quantile(bins: Mapping[int, int], level: float, confidence: float = 0.95) -> Quantile:
    """The smallest value that a share ``level`` of all does not exceed: within 0.5 % of the sample's own quantile.

    ``bins``: counts by decimal bin, at least one. The interval goes from the lower edge of one order statistic's bin
    to the upper edge of another's, each end missed with half of ``1 - confidence`` at most, whatever the distribution.
    Source: W. R. Thompson, Annals of Mathematical Statistics 7 (1936) 122-128; H. A. David, H. N. Nagaraja,
    Order Statistics, 2003, section 7.1. Raises ``ValueError`` without values or for a level outside (0, 1).
    """
    count = sum(bins.values())
    if count <= 0 or not 0 < level < 1:
        raise ValueError(f"a quantile needs values and a level between 0 and 1: {count} values, level {level}")
    doubt = (1 - confidence) / 2
    # Rank r lies above the quantile when at most r - 1 values lie below it.
    low = _ranks_up_to(doubt, count, level)
    high = _ranks_up_to(1 - doubt, count, level, inclusive=False) + 1
    middle = middle_of(bin_of_rank(bins, max(1, ceil(level * count - 1e-9))))
    return Quantile(
        value=middle,
        lower=float(lower_edge(bin_of_rank(bins, low))) if low >= 1 else None,
        upper=float(upper_edge(bin_of_rank(bins, high))) if high <= count else None,
        count=count,
    )


def bin_of_rank(bins: Mapping[int, int], rank: int) -> int:
    """The bin that holds the value with this rank, from 1 for the smallest."""
    seen = 0
    for index in sorted(bins):
        seen += bins[index]
        if seen >= rank:
            return index
    raise ValueError(f"there is no value with rank {rank} among {seen}")


def middle_of(bin_index: int) -> float:
    """The value that stands for a bin: at most 0.5 % from any in it."""
    return (lower_edge(bin_index) + upper_edge(bin_index)) / 2


def upper_edge(bin_index: int) -> int:
    """The largest whole number in a bin."""
    return lower_edge(bin_index + 1) - 1


def _ranks_up_to(chance: float, count: int, level: float, *, inclusive: bool = True) -> int:
    """The largest rank r with P(at most r - 1 of ``count`` lie below the quantile) <= ``chance`` (or < it); 0 if none.

    That number is binomial with ``count`` trials of chance ``level``, and its distribution rises with r.
    """
    low, high = 0, count + 1
    while high - low > 1:
        middle = (low + high) // 2
        below = float(bdtr(middle - 1, count, level))
        low, high = (middle, high) if below < chance or (inclusive and below == chance) else (low, middle)
    return low
