"""What a feature looked like when it was approved, and how live rows are counted against it.

A numeric feature is cut at its own quantiles. A value that holds two quantiles or more is an atom and gets a bin of
its own, so that "60 % zeros" is one bin. Edges are values of the reference itself, so that the bins of ``exp(x)`` are
the images of the bins of ``x``. What is not a finite number is a null. Counts are whole numbers and add.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flyball.stats.neyman_scores import FloatArray, IntArray

BINS = 50
ROWS_MIN = 500
ROWS_RECOMMENDED = 10_000
CATEGORIES_MAX = 256
TAIL = 0.001
END_POINTS = 2


@dataclass(frozen=True)
class NumericBins:
    """A numeric feature's reference. Bin i holds edges[i-1] <= x < edges[i]; the outer two are open.

    ``counts`` has one bin more than ``edges``. ``rows`` are all rows, nulls included. ``standard_deviation`` is in the
    feature's unit, with the outer 0.1 % at either end pulled in, so that one wild value does not set the scale.
    """

    edges: FloatArray
    counts: IntArray
    rows: int
    nulls: int
    minimum: float
    maximum: float
    standard_deviation: float


@dataclass(frozen=True)
class NumericCounts:
    """Live rows of one numeric feature: per bin, and beside them nulls and values beyond the reference's ends.

    An out-of-range value is in an outer bin as well.
    """

    counts: IntArray
    nulls: int
    out_of_range: int


@dataclass(frozen=True)
class CategoryBins:
    """A category's reference: counts of its most frequent values; ``rows`` are all rows, nulls included.

    Rows of values left out for being too many are in ``rows`` alone. They and the values seen just once say how often
    a value is new.
    """

    counts: dict[str, int]
    rows: int
    nulls: int


def numeric_reference(values: npt.ArrayLike, bins: int = BINS) -> NumericBins:
    """Reference of one numeric feature from its rows, any shape; NaN and infinities are nulls.

    Quantile edges are order statistics (no interpolation), at most ``bins - 1`` of them.
    Raises ``ValueError`` under 500 rows: the tolerance would hide every change worth knowing.
    """
    rows = np.asarray(values, dtype=np.float64).ravel()
    _require_rows(rows.size)
    finite = np.sort(rows[np.isfinite(rows)])
    if not finite.size:
        return NumericBins(np.zeros(1), np.zeros(2, np.int64), rows.size, rows.size, 0.0, 0.0, 0.0)
    edges = _quantile_edges(finite, bins)
    counts = np.diff(np.searchsorted(finite, edges), prepend=0, append=finite.size)
    nulls = int(rows.size - finite.size)
    return NumericBins(edges, counts, rows.size, nulls, float(finite[0]), float(finite[-1]), _spread(finite))


def count_numeric(reference: NumericBins, values: npt.ArrayLike) -> NumericCounts:
    """Counts of a batch of rows, any shape, in any order: exactly those of binning row by row.

    One sort and one look-up of the edges: several times faster than looking up every value.
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64).ravel())
    first = int(np.searchsorted(ordered, -np.inf, side="right"))
    last = int(np.searchsorted(ordered, np.inf))
    finite = ordered[first:last]
    counts = np.diff(np.searchsorted(finite, reference.edges), prepend=0, append=finite.size)
    below = int(np.searchsorted(finite, reference.minimum))
    above = int(finite.size - np.searchsorted(finite, reference.maximum, side="right"))
    return NumericCounts(counts, int(ordered.size - finite.size), below + above)


def category_reference(values: Iterable[str | None], categories: int = CATEGORIES_MAX) -> CategoryBins:
    """Reference of one category from its rows; ``None`` is a null. The most frequent values keep a count of their own.

    Ties of frequency go by name, so that the order of rows does not matter. Raises ``ValueError`` under 500 rows.
    """
    seen = Counter(values)
    rows = seen.total()
    _require_rows(rows)
    nulls = seen.pop(None, 0)
    kept = sorted(((-count, name) for name, count in seen.items() if name is not None))[:categories]
    return CategoryBins({name: -count for count, name in kept}, rows, nulls)


def count_codes(codes: npt.NDArray[np.integer], categories: int) -> tuple[IntArray, int, int]:
    """Rows by category, rows of new values, nulls; of codes: 0 .. categories - 1 known, -1 null, anything else new."""
    clipped = np.where((codes < -1) | (codes > categories), categories, codes)
    counts = np.bincount(clipped.ravel() + 1, minlength=categories + 2)
    return counts[1:-1], int(counts[-1]), int(counts[0])


def out_of_range_hits(reference: NumericBins) -> int:
    """How many reference rows to count as out of range: both ends, which lie beyond all the others.

    None would be too few: a next row falls beyond n0 rows with a chance of 2/(n0 + 1).
    """
    return END_POINTS if reference.nulls < reference.rows else 0


def new_category_hits(reference: CategoryBins) -> int:
    """How many reference rows to count as new: values seen once, and values that got no count of their own.

    Source: I. J. Good, Biometrika 40 (1953) 237-264: the share of values seen once estimates the share yet unseen.
    """
    counted = sum(reference.counts.values())
    once = sum(count == 1 for count in reference.counts.values())
    return once + reference.rows - reference.nulls - counted


def _quantile_edges(ordered: FloatArray, bins: int) -> FloatArray:
    positions = np.arange(1, bins) * ordered.size // bins
    edges, multiplicity = np.unique(ordered[positions], return_counts=True)
    return np.union1d(edges, np.nextafter(edges[multiplicity > 1], np.inf))


def _spread(ordered: FloatArray) -> float:
    tail = int(ordered.size * TAIL)
    inner = np.clip(ordered, ordered[tail], ordered[-1 - tail])
    scale = float(np.abs(inner).max())
    return float(np.std(inner / scale) * scale) if scale > 0 else 0.0


def _require_rows(rows: int) -> None:
    if rows < ROWS_MIN:
        raise ValueError(f"a reference needs {ROWS_MIN} rows, not {rows}; {ROWS_RECOMMENDED:,} are recommended")
