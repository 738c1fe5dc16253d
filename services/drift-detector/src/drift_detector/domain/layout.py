"""All counts of a pane in one row of whole numbers: each feature of a reference has its section of cells.

Cells add, so that any split of a pane's rows into summaries, in any order, gives the same row.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from drift_detector.domain.indicators import Counted, counted_indicators
from flyball.schemas.drift import CategoricalReference, DriftReference, FeatureReference, NumericReference
from flyball.schemas.summaries import FeatureStatistics, TelemetrySummary
from flyball.stats.neyman_scores import IntArray
from flyball.stats.reference import NumericBins, count_numeric

TAIL = 4
"""Cells behind a section's bins: new, nulls, unparsable, out of range (which are in an outer bin as well)."""
NEW, NULLS, UNPARSABLE, OUT_OF_RANGE = range(TAIL)


@dataclass(frozen=True, slots=True)
class Section:
    """Where the counts of one feature stand. A rate has two bins: misses and hits."""

    name: str
    reference: FeatureReference
    start: int
    bins: int

    @property
    def key(self) -> str:
        return f"{self.reference.type}/{self.name}"

    @property
    def stop(self) -> int:
        return self.start + self.bins + TAIL

    def bins_of(self, cells: IntArray) -> IntArray:
        """Counts per bin; any leading shape of ``cells`` is kept."""
        return cells[..., self.start : self.start + self.bins]

    def tail_of(self, cells: IntArray, which: int) -> IntArray:
        return np.asarray(cells[..., self.start + self.bins + which])

    def rows_of(self, cells: IntArray) -> IntArray:
        """All rows: of every bin, new, null and unparsable."""
        beside = cells[..., self.start + self.bins : self.start + self.bins + OUT_OF_RANGE]
        return np.asarray(self.bins_of(cells).sum(axis=-1) + beside.sum(axis=-1))

    def put(self, cells: IntArray, counted: Counted) -> None:
        cells[self.start : self.start + self.bins] += counted.bins
        cells[self.start + self.bins : self.stop] += (
            counted.new,
            counted.nulls,
            counted.unparsable,
            counted.out_of_range,
        )


@dataclass(frozen=True, slots=True)
class Layout:
    """The sections of one reference, in the order of their names: features first, then indicators."""

    reference: DriftReference
    sections: tuple[Section, ...]

    @staticmethod
    def of(reference: DriftReference) -> "Layout":
        sections: list[Section] = []
        for named in (reference.features, reference.indicators):
            for name, feature in sorted(named.items()):
                start = sections[-1].stop if sections else 0
                sections.append(Section(name, feature, start, _bins(feature)))
        return Layout(reference, tuple(sections))

    @property
    def size(self) -> int:
        return self.sections[-1].stop if self.sections else 0

    def count(self, summary: TelemetrySummary) -> IntArray:
        """The cells that a summary adds: features counted on this version, and its indicators."""
        cells = np.zeros(self.size, np.int64)
        matching = [one for one in summary.features if one.reference_version == self.reference.version]
        indicators = counted_indicators(summary, self.reference.indicators)
        for section in self.sections:
            if section.reference.type == "data":
                for statistics in matching:
                    section.put(cells, _of_feature(section, statistics))
            elif section.name in indicators:
                section.put(cells, indicators[section.name])
        return cells


def bins_of_numeric(reference: NumericReference) -> NumericBins:
    return NumericBins(
        np.array(reference.edges),
        np.array(reference.counts, dtype=np.int64),
        reference.rows,
        reference.nulls,
        reference.minimum,
        reference.maximum,
        reference.standard_deviation,
    )


def reference_counts(reference: FeatureReference) -> IntArray:
    """Counts per bin of the reference, as the section has its bins."""
    if isinstance(reference, NumericReference):
        return np.array(reference.counts, dtype=np.int64)
    if isinstance(reference, CategoricalReference):
        return np.array([reference.counts[name] for name in categories_of(reference)], dtype=np.int64)
    return np.array([reference.rows - reference.hits, reference.hits], dtype=np.int64)


def categories_of(reference: CategoricalReference) -> list[str]:
    """The most frequent first, ties by name: their order does not depend on how the reference was written."""
    return sorted(reference.counts, key=lambda name: (-reference.counts[name], name))


def count_values(reference: NumericReference, numbers: Mapping[float, int]) -> IntArray:
    """Values with their counts on the bins of a reference."""
    repeated = np.repeat(np.array(list(numbers), dtype=np.float64), list(numbers.values()))
    return count_numeric(bins_of_numeric(reference), repeated).counts


def _bins(reference: FeatureReference) -> int:
    return int(reference_counts(reference).size)


def _of_feature(section: Section, statistics: FeatureStatistics) -> Counted:
    if isinstance(section.reference, NumericReference):
        return _of_number(section, statistics)
    found = statistics.categorical.get(section.name)
    bins = np.zeros(section.bins, np.int64)
    if found is None or not isinstance(section.reference, CategoricalReference):
        return Counted(bins, nulls=statistics.rows)
    for index, name in enumerate(categories_of(section.reference)):
        bins[index] = found.known.get(name, 0)
    return Counted(bins, found.new, found.nulls, found.unparsable)


def _of_number(section: Section, statistics: FeatureStatistics) -> Counted:
    found = statistics.numeric.get(section.name)
    bins = np.zeros(section.bins, np.int64)
    if found is None:
        return Counted(bins, nulls=statistics.rows)
    for index, count in found.bins.items():
        # A bin beyond the last would be another reference's.
        if 0 <= index < section.bins:
            bins[index] += count
    return Counted(bins, 0, found.nulls, found.unparsable, found.out_of_range)
