"""Counts the features of predictions: on the reference in force, or value by value until there is one.

All rows that one reference counts are counted together, by feature: what it costs follows the rows, not the buckets.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from flyball.schemas.summaries import (
    CategoryFeatureCounts,
    FeatureStatistics,
    FeatureValues,
    NumericFeatureCounts,
)
from flyball.stats.magnitudes import MAGNITUDE_MAX, magnitudes_of
from flyball.stats.reference import NumericBins
from telemetry_ingest.domain.columns import FloatArray, IntArray, count, counts_by_code
from telemetry_ingest.domain.rows import Row, Texts, columns_of
from telemetry_ingest.domain.yardsticks import Yardstick

__all__ = ["FeatureTally", "Yardstick", "count_features"]

NUMBER_BYTES = 32
"""What a number and its count take in a record, at most."""
ESCAPED_BYTES = 6
"""What a character takes in JSON, at most."""
FEW = 16
"""Below so many numbers arrays cost more than they save: somebody may send thousands of features, each of them once."""
NAME_BYTES = 64
"""What stands around the name of a feature."""


@dataclass(slots=True, eq=False)
class FeatureTally:
    """Rows of one bucket on one yardstick, or on none."""

    yardstick: Yardstick | None
    rows: int = 0
    numeric: dict[str, NumericFeatureCounts] = field(default_factory=dict)
    categorical: dict[str, CategoryFeatureCounts] = field(default_factory=dict)
    numbers: dict[str, dict[float, int]] = field(default_factory=dict)
    texts: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def value_bytes(self) -> int:
        """What the values may take in a record at most. Counts on a reference take no more than the reference does."""
        names = sum(ESCAPED_BYTES * len(name) + NAME_BYTES for name in {*self.numbers, *self.texts})
        numbers = sum(map(len, self.numbers.values())) * NUMBER_BYTES
        texts = sum(ESCAPED_BYTES * len(text) + NAME_BYTES for known in self.texts.values() for text in known)
        return names + numbers + texts

    def freeze(self) -> FeatureStatistics:
        names = sorted({*self.numbers, *self.texts})
        return FeatureStatistics.model_construct(
            reference_version=self.yardstick.version if self.yardstick else 0,
            rows=self.rows,
            numeric=dict(sorted(self.numeric.items())),
            categorical=dict(sorted(self.categorical.items())),
            values={name: self._values(name) for name in names},
        )

    def _values(self, name: str) -> FeatureValues:
        texts = dict(sorted(self.texts.get(name, {}).items()))
        return FeatureValues.model_construct(numbers=self.numbers.get(name, {}), texts=texts)


def count_features(tallies: Sequence[FeatureTally], groups: Sequence[int], rows: Sequence[Row]) -> None:
    """Count rows that belong to ``tallies[group]``, which share one yardstick."""
    for tally, number in zip(tallies, count(np.array(groups, dtype=np.int64), len(tallies)), strict=True):
        tally.rows += number
    yardstick = tallies[0].yardstick
    if yardstick is None or yardstick.keeps_values:
        _keep_values(tallies, groups, rows)
    else:
        _count_on(yardstick, tallies, groups, rows)


def _keep_values(tallies: Sequence[FeatureTally], groups: Sequence[int], rows: Sequence[Row]) -> None:
    for name, owners, numbers, texts in columns_of(groups, rows):
        # Adding 0.0 makes one zero of two.
        for owner, known in _distinct(owners, numbers + 0.0):
            tallies[owner].numbers[name] = known
        for (owner, text), number in Counter(texts).items():
            tallies[owner].texts.setdefault(name, {})[text] = number


def _distinct(owners: IntArray, numbers: FloatArray) -> list[tuple[int, dict[float, int]]]:
    """Each owner with its distinct numbers in ascending order, and how often each is there."""
    if owners.size < FEW:
        return _distinct_of_few(owners, numbers)
    order = np.lexsort((numbers, owners))
    owners, numbers = owners[order], numbers[order]
    new_owner = owners[1:] != owners[:-1]
    starts = np.flatnonzero(np.concatenate(([True], new_owner | (numbers[1:] != numbers[:-1]))))
    counts = np.diff(starts, append=owners.size).tolist()
    values, holders = numbers[starts].tolist(), owners[starts]
    cuts = [0, *(np.flatnonzero(holders[1:] != holders[:-1]) + 1).tolist(), len(values)]
    return [
        (int(holders[start]), dict(zip(values[start:end], counts[start:end], strict=True)))
        for start, end in pairwise(cuts)
    ]


def _distinct_of_few(owners: IntArray, numbers: FloatArray) -> list[tuple[int, dict[float, int]]]:
    found: dict[int, dict[float, int]] = {}
    for (owner, number), times in sorted(Counter(zip(owners.tolist(), numbers.tolist(), strict=True)).items()):
        found.setdefault(owner, {})[number] = times
    return list(found.items())


def _count_on(
    yardstick: Yardstick, tallies: Sequence[FeatureTally], groups: Sequence[int], rows: Sequence[Row]
) -> None:
    wanted = {*yardstick.numeric, *yardstick.categories}
    nothing = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float64), Texts()
    found = {name: cells for name, *cells in columns_of(groups, rows, wanted)}
    for name, bins in yardstick.numeric.items():
        for tally, counts in zip(tallies, _numeric(tallies, bins, *found.get(name, nothing)), strict=True):
            tally.numeric[name] = counts
    for name, known in yardstick.categories.items():
        for tally, shares in zip(tallies, _categorical(tallies, known, *found.get(name, nothing)), strict=True):
            tally.categorical[name] = shares


def _numeric(
    tallies: Sequence[FeatureTally], bins: NumericBins, owners: IntArray, numbers: FloatArray, texts: Texts
) -> list[NumericFeatureCounts]:
    size = len(tallies)
    codes = np.searchsorted(bins.edges, numbers, side="right")
    outside = (numbers < bins.minimum) | (numbers > bins.maximum)
    return [
        NumericFeatureCounts.model_construct(
            bins=counts,
            nulls=tally.rows - parsed - unparsable,
            unparsable=unparsable,
            out_of_range=beyond,
            magnitudes=magnitudes,
        )
        for tally, counts, magnitudes, parsed, unparsable, beyond in zip(
            tallies,
            counts_by_code(owners, codes, bins.edges.size + 1, size),
            _magnitudes(owners, numbers, size),
            count(owners, size),
            _texts_of_each(texts, size),
            count(owners[outside], size),
            strict=True,
        )
    ]


def _magnitudes(owners: IntArray, numbers: FloatArray, size: int) -> list[dict[int, int]]:
    codes = magnitudes_of(numbers) + MAGNITUDE_MAX
    found = counts_by_code(owners, codes, 2 * MAGNITUDE_MAX + 1, size)
    return [{code - MAGNITUDE_MAX: count for code, count in counts.items()} for counts in found]


def _categorical(
    tallies: Sequence[FeatureTally], known: Mapping[str, int], owners: IntArray, numbers: FloatArray, texts: Texts
) -> list[CategoryFeatureCounts]:
    del numbers
    size = len(tallies)
    seen, order = Counter(texts), {name: place for place, name in enumerate(known)}
    of_each: list[dict[str, int]] = [{} for _ in tallies]
    for (owner, text), number in sorted(
        ((cell, number) for cell, number in seen.items() if cell[1] in order), key=lambda item: order[item[0][1]]
    ):
        of_each[owner][text] = number
    return [
        CategoryFeatureCounts.model_construct(
            known=counts,
            new=total - sum(counts.values()),
            nulls=tally.rows - total - unparsable,
            unparsable=unparsable,
        )
        for tally, counts, total, unparsable in zip(
            tallies, of_each, _texts_of_each(texts, size), count(owners, size), strict=True
        )
    ]


def _texts_of_each(texts: Texts, size: int) -> list[int]:
    return count(np.array([owner for owner, _ in texts], dtype=np.int64), size)
