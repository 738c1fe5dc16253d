"""Which streams the features of a reference have, and where their counts stand in a pane."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from drift_detector.domain.layout import (
    NEW,
    NULLS,
    OUT_OF_RANGE,
    UNPARSABLE,
    Layout,
    Section,
    bins_of_numeric,
    categories_of,
    reference_counts,
)
from flyball.schemas.drift import CategoricalReference, NumericReference
from flyball.stats.neyman_scores import IntArray
from flyball.stats.reference import CategoryBins, new_category_hits, out_of_range_hits

CATEGORY_STREAMS_MAX: Final = 32
"""Categories beyond the most frequent are watched together."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A Bernoulli stream: rows in ``cells`` out of all rows of section ``feature``; ``hits`` are the reference's."""

    feature: int
    name: str
    cells: tuple[int, ...]
    hits: float


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """The streams of a layout, and where their counts stand. Numeric features have one of scores; all have rates."""

    layout: Layout
    scores: tuple[int, ...]
    """Sections with a stream of scores."""
    rates: tuple[Rate, ...]
    score_cells: IntArray
    """(streams of scores, bins): the cell of each bin; one past the last cell where there is none."""
    rate_cells: IntArray
    """The cells of all rates one after another; ``rate_starts`` says where each rate's begin."""
    rate_starts: IntArray
    row_cells: IntArray
    row_starts: IntArray

    @staticmethod
    def of(layout: Layout) -> "Plan":
        scores = [n for n, section in enumerate(layout.sections) if isinstance(section.reference, NumericReference)]
        rates = [rate for n, section in enumerate(layout.sections) for rate in _rates(n, section)]
        rows = [range(section.start, section.stop - 1) for section in layout.sections]
        return Plan(
            layout,
            tuple(scores),
            tuple(rates),
            _score_cells([layout.sections[n] for n in scores], layout.size),
            *_joined([rate.cells for rate in rates]),
            *_joined(rows),
        )

    @property
    def streams(self) -> int:
        return len(self.scores) + len(self.rates)

    def score_counts(self, cells: IntArray) -> IntArray:
        """(streams, bins) of one pane."""
        return np.append(cells, 0)[self.score_cells]

    def rate_counts(self, cells: IntArray) -> IntArray:
        """(streams, 2) of one pane, or (panes, streams, 2): misses and hits."""
        hits = np.add.reduceat(cells[..., self.rate_cells], self.rate_starts, axis=-1)
        by_feature = np.add.reduceat(cells[..., self.row_cells], self.row_starts, axis=-1)
        rows = by_feature[..., [rate.feature for rate in self.rates]]
        return np.stack((rows - hits, hits), axis=-1)


def _score_cells(sections: Sequence[Section], none: int) -> IntArray:
    width = max((section.bins for section in sections), default=1)
    cells = np.full((len(sections), width), none, np.int64)
    for row, section in enumerate(sections):
        cells[row, : section.bins] = range(section.start, section.start + section.bins)
    return cells


def _joined(groups: Sequence[Sequence[int]]) -> tuple[IntArray, IntArray]:
    sizes = np.array([len(group) for group in groups], dtype=np.int64)
    cells = np.array([cell for group in groups for cell in group], dtype=np.int64)
    return cells, np.cumsum(sizes) - sizes


def _rates(number: int, section: Section) -> list[Rate]:
    tail = section.start + section.bins
    nulls = (tail + NULLS, tail + UNPARSABLE)
    reference = section.reference
    if isinstance(reference, NumericReference):
        beyond = out_of_range_hits(bins_of_numeric(reference))
        return [
            Rate(number, "nulls", nulls, reference.nulls),
            Rate(number, "out_of_range", (tail + OUT_OF_RANGE,), beyond),
        ]
    if isinstance(reference, CategoricalReference):
        new = new_category_hits(CategoryBins(dict(reference.counts), reference.rows, reference.nulls))
        beside = [Rate(number, "new", (tail + NEW,), new), Rate(number, "nulls", nulls, reference.nulls)]
        return [*_category_rates(number, section, reference), *beside]
    return [Rate(number, "hits", (section.start + 1,), reference.hits)]


def _category_rates(number: int, section: Section, reference: CategoricalReference) -> list[Rate]:
    names, counts = categories_of(reference), reference_counts(reference)
    own = [
        Rate(number, f"= {name}"[:64], (section.start + index,), int(counts[index]))
        for index, name in enumerate(names[: CATEGORY_STREAMS_MAX - 1])
    ]
    rest = range(CATEGORY_STREAMS_MAX - 1, len(names))
    if not rest:
        return own
    cells = tuple(section.start + index for index in rest)
    return [*own, Rate(number, "= any other", cells, int(counts[CATEGORY_STREAMS_MAX - 1 :].sum()))]
