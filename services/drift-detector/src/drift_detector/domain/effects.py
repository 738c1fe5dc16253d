"""How far the last panes are from the reference: effects with their bounds, and how severe they are."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from scipy.special import ndtri

from drift_detector.domain.layout import (
    NEW,
    NULLS,
    OUT_OF_RANGE,
    TAIL,
    UNPARSABLE,
    Section,
    bins_of_numeric,
    reference_counts,
)
from flyball.schemas.drift import (
    CategoricalReference,
    DriftEffect,
    DriftPolicy,
    DriftSeverity,
    FeatureReference,
    NumericReference,
    RateReference,
)
from flyball.stats.neyman_scores import FloatArray, IntArray
from flyball.stats.proportions import clopper_pearson_lower, clopper_pearson_upper
from flyball.stats.psi import (
    PopulationStability,
    chi_square,
    decile_groups,
    grouped,
    jensen_shannon,
    kolmogorov_smirnov,
    kullback_leibler,
    population_stability,
    wasserstein,
)
from flyball.stats.reference import out_of_range_hits

WINDOWS: Final = (1, 4, 16, 64)
"""Panes with rows, the newest last."""
PANES_KEPT: Final = 64
CONFIDENCE: Final = 0.95
MOVED_DOUBT: Final = 0.01
SEVERITIES: Final[tuple[DriftSeverity, ...]] = ("none", "low", "medium", "high", "critical")


def rank(severity: DriftSeverity) -> int:
    return SEVERITIES.index(severity)


def window_sizes(panes: int) -> tuple[int, ...]:
    """Of the last 1, 4, 16 and 64 panes; the longest ends where the panes do."""
    whole = tuple(size for size in WINDOWS if size <= panes)
    return whole if not panes or panes in whole or panes > PANES_KEPT else (*whole, panes)


def windows(section: Section, recent: IntArray) -> list[IntArray]:
    """Cells (bins and tail) of each window; ``recent`` (panes, cells), the newest last."""
    return [recent[-size:, section.start : section.stop].sum(axis=0) for size in window_sizes(len(recent))]


def effect(reference: FeatureReference, window: IntArray, panes: int) -> DriftEffect:
    """Everything that is told of one window, (bins + tail,)."""
    bins, tail = window[:-TAIL], window[-TAIL:]
    rows = int(bins.sum() + tail[:OUT_OF_RANGE].sum())
    unusable = int(tail[NULLS] + tail[UNPARSABLE])
    before, now = _compared(reference, bins, int(tail[NEW]))
    stability = population_stability(before, now)
    comparable = now.sum() > 0 and before.sum() > 0
    distance, distance_p = _distance(reference, bins)
    square, square_p = chi_square(before, now) if comparable else (None, None)
    is_numeric = isinstance(reference, NumericReference)
    return DriftEffect(
        panes=panes,
        rows=rows,
        psi=stability.value if stability else None,
        psi_lower=stability.lower if stability else None,
        jensen_shannon=jensen_shannon(before, now) if comparable else None,
        null_rate=unusable / rows if rows else None,
        out_of_range_rate=int(tail[OUT_OF_RANGE]) / rows if rows and is_numeric else None,
        new_rate=int(tail[NEW]) / rows if rows and isinstance(reference, CategoricalReference) else None,
        kolmogorov_smirnov=distance,
        kolmogorov_smirnov_p=distance_p,
        chi_square=square,
        chi_square_p=square_p,
        kullback_leibler=kullback_leibler(before, now) if comparable else None,
        wasserstein=_earth_moved(reference, bins) if comparable else None,
        bins_moved=_bins_moved(before, now) if comparable else None,
        excess_lower=excess_lower(reference, window),
    )


def stability(reference: FeatureReference, window: IntArray) -> PopulationStability | None:
    """Population stability index of one window; None with too few rows to say."""
    return population_stability(*_compared(reference, window[:-TAIL], int(window[-TAIL:][NEW])))


def stability_lower(reference: FeatureReference, window: IntArray) -> float | None:
    """Its lower bound; None with too few rows to say."""
    found = stability(reference, window)
    return found.lower if found else None


def excess_lower(reference: FeatureReference, window: IntArray) -> float | None:
    """How much more often rows are unusable, out of range or hits than in the reference, at least; None: no rows."""
    bins, tail = window[:-TAIL], window[-TAIL:]
    rows = int(bins.sum() + tail[:OUT_OF_RANGE].sum())
    if rows == 0 or reference.rows == 0:
        return None
    pairs: list[tuple[float, int]] = []
    if isinstance(reference, RateReference):
        pairs.append((reference.hits, int(bins[1])))
    else:
        pairs.append((reference.nulls, int(tail[NULLS] + tail[UNPARSABLE])))
    if isinstance(reference, NumericReference):
        pairs.append((out_of_range_hits(bins_of_numeric(reference)), int(tail[OUT_OF_RANGE])))
    return max(
        max(
            0.0,
            clopper_pearson_lower(hits, rows, CONFIDENCE) - clopper_pearson_upper(known, reference.rows, CONFIDENCE),
        )
        for known, hits in pairs
    )


def severity_of(reference: FeatureReference, seen: Sequence[IntArray], policy: DriftPolicy) -> DriftSeverity:
    """What two windows prove, or the only one that can say anything; "low" where no bound says more.

    Each bound holds 95 times in 100 and is looked at after every pane: one window alone would soon prove too much.
    """
    found = [level for window in seen if (level := _proven(reference, window, policy)) is not None]
    ranked = sorted(found, key=rank, reverse=True)
    return ranked[min(1, len(ranked) - 1)] if ranked else "low"


def _proven(reference: FeatureReference, window: IntArray, policy: DriftPolicy) -> DriftSeverity | None:
    stability, excess = stability_lower(reference, window), excess_lower(reference, window)
    if stability is None and excess is None:
        return None
    lines = (policy.medium_psi, policy.high_psi, policy.critical_psi)
    rates = (policy.medium_excess, policy.high_excess, policy.critical_excess)
    return max(_level(stability, lines), _level(excess, rates), key=rank)


def is_calm(reference: FeatureReference, seen: Sequence[IntArray], policy: DriftPolicy) -> bool:
    """Do the last panes show no more than a trace? Windows of 16 panes or less that can say anything, and one can."""
    short = seen[:3]
    bounds = [bound for window in short if (bound := stability_lower(reference, window)) is not None]
    excesses = [excess for window in short if (excess := excess_lower(reference, window)) is not None]
    if isinstance(reference, RateReference):
        bounds = bounds or [0.0]
    quiet = all(bound < policy.recovery_psi for bound in bounds)
    return bool(bounds) and quiet and all(excess < policy.medium_excess for excess in excesses)


def _level(bound: float | None, lines: tuple[float, float, float]) -> DriftSeverity:
    if bound is None:
        return "low"
    return SEVERITIES[1 + sum(bound > line for line in lines)]


def _compared(reference: FeatureReference, bins: IntArray, new: int) -> tuple[IntArray, IntArray]:
    """Counts of reference and window: by deciles, or by categories with what is new as one more."""
    before = reference_counts(reference)
    if isinstance(reference, NumericReference):
        groups = decile_groups(before)
        return grouped(before, groups), grouped(bins, groups)
    if isinstance(reference, CategoricalReference):
        left_out = reference.rows - reference.nulls - int(before.sum())
        return np.append(before, left_out), np.append(bins, new)
    return before, bins


def _distance(reference: FeatureReference, bins: IntArray) -> tuple[float | None, float | None]:
    if not isinstance(reference, NumericReference) or not bins.sum() or not sum(reference.counts):
        return None, None
    return kolmogorov_smirnov(reference_counts(reference), bins)


def _earth_moved(reference: FeatureReference, bins: IntArray) -> float | None:
    if not isinstance(reference, NumericReference) or not bins.sum():
        return None
    cuts = np.array([reference.minimum, *reference.edges, reference.maximum])
    return wasserstein(reference_counts(reference), bins, cuts, reference.standard_deviation)


def _bins_moved(before: IntArray, now: IntArray) -> int:
    """Two-proportion test of each bin at 1 % over all of them (Bonferroni)."""
    n, m = float(before.sum()), float(now.sum())
    pooled: FloatArray = (before + now) / (n + m)
    error = np.sqrt(np.maximum(pooled * (1 - pooled), np.finfo(float).tiny) * (1 / n + 1 / m))
    line = -float(ndtri(MOVED_DOUBT / (2 * before.size)))
    return int((np.abs(now / m - before / n) / error > line).sum())
