"""A feature's reference and its live rows on the same bins, and what each bin contributes. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import Final

from flyball.schemas.drift import (
    CategoricalReference,
    DriftReference,
    FeatureReference,
    LiveCounts,
    NumericReference,
)

GROUPS_MAX: Final = 12
"""So many bars can be told apart; neighbouring bins, or rare categories, are shown as one."""
LABEL_CHARACTERS_MAX: Final = 40


@dataclass(frozen=True, slots=True)
class Bin:
    """Shares of all rows on either side. ``contribution`` to the population stability index, in nats."""

    label: str
    reference_count: int
    live_count: int
    reference_share: float
    live_share: float
    contribution: float


@dataclass(frozen=True, slots=True)
class Histograms:
    bins: Sequence[Bin]

    @property
    def index(self) -> float:
        """The plain index; the report's is corrected for the bias of small samples."""
        return sum(each.contribution for each in self.bins)

    @property
    def highest(self) -> float:
        return max((max(each.reference_share, each.live_share) for each in self.bins), default=0) or 1

    @property
    def most(self) -> float:
        return max((each.contribution for each in self.bins), default=0) or 1


def histograms(reference: DriftReference, feature: str, live: LiveCounts) -> Histograms | None:
    """None for a feature that the reference does not have, or whose live bins are of another version."""
    known = reference.features.get(feature) or reference.indicators.get(feature)
    if known is None:
        return None
    counts = _counts(known, live)
    return None if counts is None else Histograms(_bins(counts))


def _counts(known: FeatureReference, live: LiveCounts) -> list[tuple[str, int, int]] | None:
    """Label, reference count and live count of each bar."""
    if isinstance(known, NumericReference):
        if len(live.bins) != len(known.counts):
            return None
        return [*_numeric(known, live), ("null or unreadable", known.nulls, live.nulls + live.unparsable)]
    if isinstance(known, CategoricalReference):
        return [*_categories(known, live), ("null or unreadable", known.nulls, live.nulls + live.unparsable)]
    return [("hit", known.hits, live.hits), ("other", known.rows - known.hits, max(0, live.rows - live.hits))]


def _numeric(known: NumericReference, live: LiveCounts) -> list[tuple[str, int, int]]:
    """Quantile bins in groups that hold about equal parts of the reference."""
    size = max(1, sum(known.counts)) / GROUPS_MAX
    grouped: list[tuple[str, int, int]] = []
    start = expected = seen = 0
    for place, (expected_here, seen_here) in enumerate(zip(known.counts, live.bins, strict=True)):
        expected, seen = expected + expected_here, seen + seen_here
        if expected >= size * 0.999 or place == len(known.counts) - 1:
            grouped.append((_range(known.edges, start, place), expected, seen))
            start, expected, seen = place + 1, 0, 0
    return grouped


def _range(edges: Sequence[float], first: int, last: int) -> str:
    """Bin i holds edges[i-1] <= x < edges[i]; the outer two are open."""
    if first == 0:
        return f"under {edges[last]:.4g}" if last < len(edges) else "all"
    if last == len(edges):
        return f"{edges[first - 1]:.4g} and more"
    return f"{edges[first - 1]:.4g} to {edges[last]:.4g}"


def _categories(known: CategoricalReference, live: LiveCounts) -> list[tuple[str, int, int]]:
    """The most frequent on either side, the others together, and those that the reference does not have."""
    both = [(name, expected, live.categories.get(name, 0)) for name, expected in known.counts.items()]
    both.sort(key=lambda entry: (-max(entry[1] / max(1, known.rows), entry[2] / max(1, live.rows)), entry[0]))
    shown = [(name[:LABEL_CHARACTERS_MAX], expected, seen) for name, expected, seen in both[: GROUPS_MAX - 2]]
    rest = both[GROUPS_MAX - 2 :]
    if rest:
        shown.append((f"{len(rest)} others", sum(entry[1] for entry in rest), sum(entry[2] for entry in rest)))
    return [*shown, ("new", 0, live.new)]


def _bins(counts: Sequence[tuple[str, int, int]]) -> list[Bin]:
    """Half a row is added to each count, so that an empty bin is no infinity. Bars empty on both sides are left out."""
    occupied = [entry for entry in counts if entry[1] or entry[2]]
    rows, live_rows = sum(entry[1] for entry in occupied), sum(entry[2] for entry in occupied)
    bins = []
    for label, expected, seen in occupied:
        p = (expected + 0.5) / (rows + len(occupied) / 2)
        q = (seen + 0.5) / (live_rows + len(occupied) / 2)
        shares = (expected / max(1, rows), seen / max(1, live_rows))
        bins.append(Bin(label, expected, seen, *shares, (q - p) * log(q / p)))
    return bins
