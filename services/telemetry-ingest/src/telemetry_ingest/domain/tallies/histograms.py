"""Whole numbers by decimal bin, with their exact count and sum."""

from collections import Counter
from dataclasses import dataclass, field

from flyball.schemas.summaries import Histogram
from flyball.stats.decimal_bins import decimal_bin

MILLION = 1_000_000


@dataclass(slots=True)
class HistogramTally:
    count: int = 0
    total: int = 0
    bins: Counter[int] = field(default_factory=Counter)

    def add(self, value: int) -> None:
        self.count += 1
        self.total += value
        self.bins[decimal_bin(value)] += 1

    def freeze(self) -> Histogram:
        return Histogram.model_construct(count=self.count, total=self.total, bins=dict(sorted(self.bins.items())))
