"""Whole numbers by decimal bin, with their exact count and sum."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from flyball.schemas.summaries import Histogram
from flyball.stats.decimal_bins import decimal_bin
from telemetry_ingest.domain.columns import Sums

MILLION = 1_000_000
EMPTY = Histogram()


@dataclass(slots=True)
class HistogramTally:
    count: int = 0
    total: int = 0
    bins: dict[int, int] = field(default_factory=dict)

    def add(self, value: int) -> None:
        self.count += 1
        self.total += value
        index = decimal_bin(value)
        self.bins[index] = self.bins.get(index, 0) + 1

    def freeze(self) -> Histogram:
        return histogram(self.count, self.total, self.bins)


def histogram(count: int, total: int, bins: Mapping[int, int]) -> Histogram:
    if not count:
        return EMPTY
    return Histogram.model_construct(count=count, total=total, bins=dict(sorted(bins.items())))


def frozen(sums: Sums) -> Iterable[Histogram]:
    """The histogram of each group."""
    return map(histogram, sums.counts, sums.totals, sums.bins)
