"""A system of numeric and categorical features whose rows are generated, watched as the drift detector watches one."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flyball.stats.count_bets import Bets, rate_bets, score_bets, stack
from flyball.stats.dispersion import PANES_MIN, measured_dispersion
from flyball.stats.neyman_scores import FloatArray, IntArray, neyman_scores
from flyball.stats.reference import NumericBins, count_codes, count_numeric, numeric_reference, out_of_range_hits
from flyball.stats.shiryaev_roberts import Evidence, after_pane, log_statistic, no_evidence

CATEGORIES = 5
REFERENCE_ROWS = 10_000
PANE_ROWS = 128

Rows = Callable[[np.random.Generator, int], tuple[FloatArray, IntArray]]
"""(generator, rows) -> numeric features (features, rows) and codes of categories (features, rows)."""


@dataclass(frozen=True)
class Reference:
    numeric: tuple[NumericBins, ...]
    categories: tuple[IntArray, ...]
    category_nulls: tuple[int, ...]
    rows: int

    @property
    def streams(self) -> int:
        return 3 * len(self.numeric) + (CATEGORIES + 2) * len(self.categories)


@dataclass(frozen=True)
class PaneCounts:
    """``bins`` (numeric features, bins) for the score streams; ``hits`` (rate streams,) of ``rows`` for the others."""

    bins: IntArray
    hits: IntArray
    rows: int


@dataclass(frozen=True)
class Watch:
    """The bets and the evidence of one system."""

    score_bets: Bets
    rate_bets: Bets
    scores: Evidence
    rates: Evidence

    @property
    def log_statistics(self) -> FloatArray:
        return np.concatenate((log_statistic(self.scores, self.score_bets), log_statistic(self.rates, self.rate_bets)))

    @property
    def size_bytes(self) -> int:
        return self.scores.size_bytes + self.rates.size_bytes


def reference_of(rows: tuple[FloatArray, IntArray]) -> Reference:
    numeric, codes = rows
    return Reference(
        tuple(numeric_reference(values) for values in numeric),
        tuple(count_codes(values, CATEGORIES)[0] for values in codes),
        tuple(count_codes(values, CATEGORIES)[2] for values in codes),
        numeric.shape[1],
    )


def count_pane(reference: Reference, numeric: FloatArray, codes: npt.NDArray[np.integer]) -> PaneCounts:
    counted = [count_numeric(bins, values) for bins, values in zip(reference.numeric, numeric, strict=True)]
    width = max((bins.counts.size for bins in reference.numeric), default=0)
    bins = np.array([np.pad(each.counts, (0, width - each.counts.size)) for each in counted]).reshape(-1, width)
    hits = [rate for each in counted for rate in (each.nulls, each.out_of_range)]
    for values in codes:
        known, new, nulls = count_codes(values, CATEGORIES)
        hits += [*known, new, nulls]
    return PaneCounts(bins, np.array(hits, dtype=np.int64), numeric.shape[1])


def watch(reference: Reference, quiet: list[PaneCounts] | None = None) -> Watch:
    """Start watching; ``quiet`` panes measure the dispersion, without them rows are taken as independent."""
    scores, rates = _dispersions(reference, quiet or [])
    score = stack([score_bets(bins.counts, phi) for bins, phi in zip(reference.numeric, scores, strict=True)])
    rate = stack(
        [
            rate_bets(hits, reference.rows, reference.streams, phi)
            for hits, phi in zip(_reference_hits(reference), rates, strict=True)
        ]
    )
    return Watch(score, rate, no_evidence(score), no_evidence(rate))


def after(state: Watch, pane: PaneCounts) -> Watch:
    hits = np.stack((pane.rows - pane.hits, pane.hits), axis=1)
    return Watch(
        state.score_bets,
        state.rate_bets,
        after_pane(state.scores, state.score_bets, pane.bins),
        after_pane(state.rates, state.rate_bets, hits),
    )


def quiet_panes(reference: Reference, rows: Rows, rng: np.random.Generator, panes: int = PANES_MIN) -> list[PaneCounts]:
    numeric, codes = rows(rng, panes * PANE_ROWS)
    return [
        count_pane(reference, numeric[:, start : start + PANE_ROWS], codes[:, start : start + PANE_ROWS])
        for start in range(0, panes * PANE_ROWS, PANE_ROWS)
    ]


def _reference_hits(reference: Reference) -> list[float]:
    hits: list[float] = []
    for bins in reference.numeric:
        hits += [bins.nulls, out_of_range_hits(bins)]
    for counts, nulls in zip(reference.categories, reference.category_nulls, strict=True):
        hits += [*counts, int((counts == 1).sum()), nulls]
    return hits


def _dispersions(reference: Reference, quiet: list[PaneCounts]) -> tuple[list[float], list[float]]:
    """Per score stream and per rate stream; a feature's rates take the largest that its streams show."""
    hits = _reference_hits(reference)
    if not quiet:
        return [1.0] * len(reference.numeric), [1.0] * len(hits)
    rows = [pane.rows for pane in quiet]
    own = [
        measured_dispersion(column, rows, share * (1 - share))
        for column, share in zip(
            np.stack([pane.hits for pane in quiet]).T, np.array(hits) / reference.rows, strict=True
        )
    ]
    scores = []
    for index, bins in enumerate(reference.numeric):
        counts = np.stack([pane.bins[index, : bins.counts.size] for pane in quiet])
        scores.append(max(measured_dispersion(sums, rows) for sums in (counts @ neyman_scores(bins.counts).T).T))
    split = 2 * len(reference.numeric)
    rates = [max(phi, scores[index // 2]) for index, phi in enumerate(own[:split])]
    for start in range(split, len(own), CATEGORIES + 2):
        feature = own[start : start + CATEGORIES + 2]
        rates += [max(feature)] * len(feature)
    return scores, rates
