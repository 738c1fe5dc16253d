"""What summaries count anyway, as features: latency, tokens, classes, errors, guardrails."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from flyball.schemas.drift import CategoricalReference, DriftType, FeatureReference, NumericReference
from flyball.schemas.summaries import Histogram, TelemetrySummary
from flyball.stats.decimal_bins import lower_edge
from flyball.stats.neyman_scores import IntArray


@dataclass(frozen=True, slots=True)
class Counted:
    """Rows of one feature: per bin of its reference, and beside them."""

    bins: IntArray
    new: int = 0
    nulls: int = 0
    unparsable: int = 0
    out_of_range: int = 0


def _blocked(summary: TelemetrySummary) -> tuple[int, int]:
    blocked = sum(g.malicious_blocked + g.benign_blocked + g.unknown_blocked for g in summary.guardrails)
    passed = sum(g.malicious_passed + g.benign_passed + g.unknown_passed for g in summary.guardrails)
    return blocked, blocked + passed


HISTOGRAMS: Mapping[str, tuple[DriftType, Callable[[TelemetrySummary], tuple[Histogram, int]]]] = {
    "latency_us": ("behaviour", lambda s: (s.interactions.latency_us, s.interactions.count)),
    "input_tokens": ("behaviour", lambda s: (s.interactions.input_tokens, s.interactions.count)),
    "output_tokens": ("behaviour", lambda s: (s.interactions.output_tokens, s.interactions.count)),
    "confidence_ppm": ("prediction", lambda s: (s.interactions.confidence_ppm, s.interactions.count)),
    "score_ppm": ("prediction", lambda s: (s.predictions.score_ppm, s.predictions.count)),
}
"""Values are the lower edges of decimal bins, in the reference as in the live rows."""
CLASSES: tuple[str, DriftType] = ("class", "prediction")
RATES: Mapping[str, tuple[DriftType, Callable[[TelemetrySummary], tuple[int, int]]]] = {
    "errors": ("behaviour", lambda s: (sum(s.interactions.errors.values()), s.interactions.count)),
    "escalated": ("behaviour", lambda s: (s.interactions.escalated, s.interactions.count)),
    "blocked": ("guardrail", _blocked),
}
"""Hits and rows."""


def counted_indicators(summary: TelemetrySummary, references: Mapping[str, FeatureReference]) -> dict[str, Counted]:
    """The rows of each indicator that has a reference."""
    found: dict[str, Counted] = {}
    for name, reference in references.items():
        if isinstance(reference, NumericReference) and name in HISTOGRAMS:
            found[name] = _on_edges(reference, *HISTOGRAMS[name][1](summary))
        elif isinstance(reference, CategoricalReference) and name == CLASSES[0]:
            found[name] = _on_classes(reference, summary)
        elif name in RATES:
            hits, rows = RATES[name][1](summary)
            found[name] = Counted(np.array([rows - hits, hits], dtype=np.int64))
    return found


def _on_edges(reference: NumericReference, histogram: Histogram, rows: int) -> Counted:
    bins = np.zeros(len(reference.counts), np.int64)
    beyond = 0
    for index, count in histogram.bins.items():
        value = lower_edge(index)
        bins[int(np.searchsorted(reference.edges, value, side="right"))] += count
        beyond += count * (not reference.minimum <= value <= reference.maximum)
    return Counted(bins, nulls=max(0, rows - histogram.count), out_of_range=beyond)


def _on_classes(reference: CategoricalReference, summary: TelemetrySummary) -> Counted:
    order = sorted(reference.counts, key=lambda name: (-reference.counts[name], name))
    classes = summary.predictions.classes
    bins = np.array([classes.get(name, 0) for name in order], dtype=np.int64)
    counted = sum(classes.values())
    return Counted(bins, new=counted - int(bins.sum()), nulls=max(0, summary.predictions.count - counted))
