"""Samples of infrastructure and business metrics, in millionths of their unit."""

from collections import Counter
from dataclasses import dataclass, field

from flyball.schemas.plain import MetricSampled
from flyball.schemas.summaries import MetricStatistics
from flyball.stats.decimal_bins import decimal_bin
from telemetry_ingest.domain.tallies.histograms import MILLION

MetricKey = tuple[str, str, str]
"""Metric, unit, layer."""


@dataclass(slots=True)
class MetricTally:
    count: int = 0
    total_micro: int = 0
    minimum_micro: int = 0
    maximum_micro: int = 0
    bins: Counter[int] = field(default_factory=Counter)
    negative_bins: Counter[int] = field(default_factory=Counter)

    @staticmethod
    def key(event: MetricSampled) -> MetricKey:
        return event.metric, event.unit, event.layer

    def add(self, event: MetricSampled) -> None:
        micro = round(event.value * MILLION)
        self.minimum_micro = min(self.minimum_micro, micro) if self.count else micro
        self.maximum_micro = max(self.maximum_micro, micro) if self.count else micro
        self.count += 1
        self.total_micro += micro
        (self.bins if micro >= 0 else self.negative_bins)[decimal_bin(abs(micro))] += 1

    def freeze(self, key: MetricKey) -> MetricStatistics:
        metric, unit, layer = key
        return MetricStatistics.model_construct(
            metric=metric,
            unit=unit,
            layer=layer,
            count=self.count,
            total_micro=self.total_micro,
            minimum_micro=self.minimum_micro,
            maximum_micro=self.maximum_micro,
            bins=dict(sorted(self.bins.items())),
            negative_bins=dict(sorted(self.negative_bins.items())),
        )
