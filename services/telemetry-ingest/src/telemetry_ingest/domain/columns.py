"""Sums and histograms of many groups at once, so that the cost of a batch does not follow the number of its groups."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flyball.stats.decimal_bins import BINS_MAX, decimal_bins

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Column:
    """Whole numbers, and the group that each of them is in."""

    groups: IntArray
    values: IntArray


@dataclass(frozen=True, slots=True)
class Sums:
    """One entry for each group."""

    counts: Sequence[int]
    totals: Sequence[int]
    bins: Sequence[dict[int, int]]


def column(groups: IntArray, values: Sequence[float | None], scale: int = 1) -> Column:
    """Values times ``scale``, rounded half to even as ``round`` does; those that are None are left out.

    Whole numbers must be below 2^53, as every bounded field of an event is.
    """
    numbers = np.array(values, dtype=np.float64)
    if scale != 1:
        numbers *= scale
    present = ~np.isnan(numbers)
    if not present.all():
        groups, numbers = groups[present], numbers[present]
    return Column(groups, np.rint(numbers).astype(np.int64))


def totals(column: Column, size: int) -> list[int]:
    """The exact sum of each of ``size`` groups."""
    sums = np.zeros(size, np.int64)
    np.add.at(sums, column.groups, column.values)
    return sums.tolist()


def count(groups: IntArray, size: int) -> list[int]:
    """How many rows each of ``size`` groups has."""
    counts: list[int] = np.bincount(groups, minlength=size).tolist()
    return counts


def histograms(column: Column, size: int) -> Sums:
    """Counts, exact sums and decimal bins in ascending order, of each of ``size`` groups."""
    bins = counts_by_code(column.groups, decimal_bins(column.values), BINS_MAX, size)
    return Sums(count(column.groups, size), totals(column, size), bins)


def counts_by_code(groups: IntArray, codes: IntArray, codes_max: int, size: int) -> list[dict[int, int]]:
    """How often each code (0 to ``codes_max`` - 1) is in each of ``size`` groups, by ascending code."""
    found, counts = np.unique(groups * codes_max + codes, return_counts=True)
    owners, codes = np.divmod(found, codes_max)
    ends = np.searchsorted(owners, np.arange(size), side="right").tolist()
    names, numbers = codes.tolist(), counts.tolist()
    return [
        dict(zip(names[start:end], numbers[start:end], strict=True))
        for start, end in zip([0, *ends], ends, strict=False)
    ]
