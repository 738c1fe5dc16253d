"""The e-detectors of one reference: the bets of its streams, and what a pane adds to their evidence."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from drift_detector.domain.layout import reference_counts
from drift_detector.domain.plan import Plan
from flyball.stats.count_bets import Bets, rate_bets, score_bets, stack
from flyball.stats.dispersion import measured_dispersion
from flyball.stats.neyman_scores import FloatArray, IntArray, neyman_scores
from flyball.stats.shiryaev_roberts import Evidence, after_pane, log_statistic, no_evidence, panes_since_change

DETECTORS_IN_MEMORY_MAX: Final = 128


@dataclass(frozen=True, slots=True)
class Detectors:
    """The bets of a plan, with the dispersion that was measured of each feature."""

    plan: Plan
    scores: Bets | None
    rates: Bets
    dispersions: FloatArray

    @staticmethod
    def of(plan: Plan, dispersions: FloatArray) -> "Detectors":
        sections, streams = plan.layout.sections, plan.streams
        scores = [score_bets(reference_counts(sections[n].reference), float(dispersions[n])) for n in plan.scores]
        rates = [
            rate_bets(rate.hits, sections[rate.feature].reference.rows, streams, float(dispersions[rate.feature]))
            for rate in plan.rates
        ]
        return Detectors(plan, stack(scores) if scores else None, stack(rates), dispersions)


@lru_cache(maxsize=DETECTORS_IN_MEMORY_MAX)
def detectors_of(plan: Plan, dispersions: tuple[float, ...]) -> Detectors:
    """As ``Detectors.of``, made once: a plan is itself and no other."""
    return Detectors.of(plan, np.array(dispersions))


@dataclass(frozen=True, slots=True)
class Standing:
    """Evidence of all streams, those of scores (if there are any) and those of rates."""

    scores: Evidence | None
    rates: Evidence

    @property
    def size_bytes(self) -> int:
        return self.rates.size_bytes + (self.scores.size_bytes if self.scores else 0)


@dataclass(frozen=True, slots=True)
class Strength:
    """A feature's strongest stream: its name, the logarithm of its statistic, and how many panes ago it changed."""

    log_statistic: float
    stream: str
    panes_since: int


def nothing_seen(detectors: Detectors) -> Standing:
    return Standing(no_evidence(detectors.scores) if detectors.scores else None, no_evidence(detectors.rates))


def seen(standing: Standing, detectors: Detectors, cells: IntArray) -> Standing:
    """The evidence after one pane. Streams without rows in it stay as they are: nothing is no sign of anything."""
    plan = detectors.plan
    rates = plan.rate_counts(cells)
    after = Standing(standing.scores, _kept(standing.rates, after_pane(standing.rates, detectors.rates, rates), rates))
    if detectors.scores is None or standing.scores is None:
        return after
    scores = plan.score_counts(cells)
    moved = after_pane(standing.scores, detectors.scores, scores)
    return replace(after, scores=_kept(standing.scores, moved, scores))


def strengths(standing: Standing, detectors: Detectors) -> list[Strength]:
    """The strongest stream of each section, in their order."""
    plan = detectors.plan
    found = [Strength(-np.inf, "values", 0)] * len(plan.layout.sections)
    for features, names, evidence, bets in _groups(standing, detectors):
        values, since = log_statistic(evidence, bets), panes_since_change(evidence)
        for feature, name, value, panes in zip(features, names, values.tolist(), since.tolist(), strict=True):
            if value > found[feature].log_statistic:
                found[feature] = Strength(value, name, panes)
    return found


def forgotten(standing: Standing, detectors: Detectors, feature: int) -> Standing:
    """Without the evidence of one section: an episode of it is over."""
    fresh, plan = nothing_seen(detectors), detectors.plan
    rates = _chosen(standing.rates, fresh.rates, np.array([rate.feature == feature for rate in plan.rates]))
    if standing.scores is None or fresh.scores is None:
        return Standing(None, rates)
    mask = np.array([number == feature for number in plan.scores])
    return Standing(_chosen(standing.scores, fresh.scores, mask), rates)


def dispersions(plan: Plan, panes: IntArray) -> FloatArray:
    """Per section the largest that its streams show over in-control panes (panes, cells), at least the reference's.

    A section with rows in fewer than 200 of them keeps the reference's.
    """
    found = np.array([section.reference.dispersion for section in plan.layout.sections])
    for number in plan.scores:
        section = plan.layout.sections[number]
        bins = section.bins_of(panes)
        scores = bins @ neyman_scores(reference_counts(section.reference)).T
        for sums in scores.T:
            found[number] = max(found[number], _measured(sums, bins.sum(axis=-1), 1.0))
    counts = plan.rate_counts(panes)
    for index, rate in enumerate(plan.rates):
        share = rate.hits / max(plan.layout.sections[rate.feature].reference.rows, 1)
        rows, hits = counts[:, index].sum(axis=-1), counts[:, index, 1]
        found[rate.feature] = max(found[rate.feature], _measured(hits, rows, share * (1 - share)))
    return found


def _measured(sums: npt.ArrayLike, rows: npt.ArrayLike, row_variance: float) -> float:
    try:
        return measured_dispersion(sums, rows, row_variance)
    except ValueError:
        return 1.0


def _groups(standing: Standing, detectors: Detectors) -> list[tuple[Sequence[int], Sequence[str], Evidence, Bets]]:
    plan = detectors.plan
    groups: list[tuple[Sequence[int], Sequence[str], Evidence, Bets]] = [
        ([rate.feature for rate in plan.rates], [rate.name for rate in plan.rates], standing.rates, detectors.rates)
    ]
    if standing.scores is not None and detectors.scores is not None:
        groups.insert(0, (plan.scores, ["values"] * len(plan.scores), standing.scores, detectors.scores))
    return groups


def _kept(before: Evidence, after: Evidence, counts: IntArray) -> Evidence:
    return _chosen(before, after, counts.sum(axis=-1) > 0)


def _chosen(kept: Evidence, taken: Evidence, take: npt.NDArray[np.bool_]) -> Evidence:
    mask = take[:, None]
    return Evidence(
        np.where(mask, taken.log_m, kept.log_m),
        np.where(mask, taken.log_cusum, kept.log_cusum),
        np.where(mask, taken.panes_since_restart, kept.panes_since_restart),
    )
