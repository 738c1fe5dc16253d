"""A reference from the first rows: their values and their indicators, as the summaries carry them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np

from drift_detector.domain.indicators import CLASSES, HISTOGRAMS, RATES
from flyball.schemas.drift import (
    FEATURES_MAX,
    CategoricalReference,
    DriftReference,
    DriftType,
    FeatureReference,
    NumericReference,
    RateReference,
)
from flyball.schemas.summaries import FeatureStatistics, TelemetrySummary
from flyball.stats.decimal_bins import lower_edge
from flyball.stats.merging import merge_histograms
from flyball.stats.reference import ROWS_MIN, category_reference, numeric_reference

NOTICE = timedelta(seconds=30)
"""A reference holds from so much later: by then everybody who counts on it has read it."""
BOUNDARY_SECONDS = 10
IDENTIFIER_SHARE = 0.5
"""A text that is another one in every other row is a name of something, not a category."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What a summary adds to the first rows."""

    summary: TelemetrySummary
    version: int
    """The version that said to learn, 0 before the first."""

    @property
    def features(self) -> list[FeatureStatistics]:
        return [one for one in self.summary.features if one.reference_version == self.version]

    @property
    def rows(self) -> int:
        """Of a system that is nothing but a guardrail: what the guardrail looked at."""
        rows = max(self.summary.interactions.count, sum(one.rows for one in self.features))
        return rows or RATES["blocked"][1](self.summary)[1]


@dataclass(slots=True)
class _Values:
    numbers: Counter[float] = field(default_factory=Counter)
    texts: Counter[str] = field(default_factory=Counter)


def effective_at(announced_at: datetime, after: datetime | None) -> datetime:
    """The first boundary at least 30 s from its announcement, and later than the version before."""
    seconds = int((announced_at + NOTICE).timestamp())
    boundary = datetime.fromtimestamp(seconds - seconds % BOUNDARY_SECONDS + BOUNDARY_SECONDS, UTC)
    return boundary if after is None else max(boundary, after + timedelta(seconds=BOUNDARY_SECONDS))


def learned(
    tenant: str, system: str, kept: Sequence[Kept], before: DriftReference | None, author: str, now: datetime
) -> DriftReference | None:
    """The next version, from all that was kept; None if there is nothing in it that could be watched.

    Features with under 500 rows, and texts that are mostly names of something, are left out.
    """
    version = before.version if before else 0
    features, indicators = _features(kept), _indicators([one.summary for one in kept])
    rows = max((one.rows for one in (*features.values(), *indicators.values())), default=0)
    if not rows:
        return None
    releases = {one.summary.release for one in kept}
    return DriftReference(
        tenant=tenant,
        system=system,
        version=version + 1,
        effective_at=effective_at(now, before.effective_at if before else None),
        release=releases.pop() if len(releases) == 1 else None,
        rows=rows,
        features=features,
        indicators=indicators,
        source=f"first {rows} rows" + (f" after version {version}" if version else ""),
        author=author,
        created_at=now,
    )


def _features(kept: Sequence[Kept]) -> dict[str, FeatureReference]:
    rows, by_name = 0, dict[str, _Values]()
    for one in kept:
        for statistics in one.features:
            rows += statistics.rows
            for name, values in statistics.values.items():
                known = by_name.setdefault(name, _Values())
                known.numbers.update(values.numbers)
                known.texts.update(values.texts)
    if rows < ROWS_MIN:
        return {}
    # The first by name, if there are too many: the same ones in whatever order they came.
    made = {name: _feature(values, rows) for name, values in sorted(by_name.items())[:FEATURES_MAX]}
    return {name: feature for name, feature in made.items() if feature is not None}


def _feature(values: _Values, rows: int) -> FeatureReference | None:
    numbers, texts = values.numbers.total(), values.texts.total()
    if numbers >= texts:
        return _numeric(values.numbers, rows, "data")
    if len(values.texts) > IDENTIFIER_SHARE * texts:
        return None
    return _categorical(values.texts, rows, "data")


def _numeric(numbers: Mapping[float, int], rows: int, kind: DriftType) -> NumericReference:
    finite = np.repeat(np.array(sorted(numbers), dtype=np.float64), [numbers[value] for value in sorted(numbers)])
    bins = numeric_reference(np.concatenate((finite, np.full(max(rows - finite.size, 0), np.nan))))
    return NumericReference(
        kind="numeric",
        type=kind,
        edges=tuple(bins.edges.tolist()),
        counts=tuple(bins.counts.tolist()),
        rows=bins.rows,
        nulls=bins.nulls,
        minimum=bins.minimum,
        maximum=bins.maximum,
        standard_deviation=bins.standard_deviation,
    )


def _categorical(texts: Mapping[str, int], rows: int, kind: DriftType) -> CategoricalReference:
    named = Counter(texts)
    nulls = [None] * max(rows - named.total(), 0)
    bins = category_reference([*named.elements(), *nulls])
    return CategoricalReference(kind="categorical", type=kind, counts=bins.counts, rows=bins.rows, nulls=bins.nulls)


def _indicators(summaries: Sequence[TelemetrySummary]) -> dict[str, FeatureReference]:
    found: dict[str, FeatureReference] = {}
    for name, (kind, read) in HISTOGRAMS.items():
        pairs = [read(summary) for summary in summaries]
        counts = merge_histograms(histogram for histogram, _ in pairs).bins
        rows = sum(rows for _, rows in pairs)
        if rows >= ROWS_MIN and counts:
            found[name] = _numeric({float(lower_edge(index)): count for index, count in counts.items()}, rows, kind)
    classes = Counter[str]()
    for summary in summaries:
        classes.update(summary.predictions.classes)
    if classes.total() >= ROWS_MIN:
        name, kind = CLASSES
        found[name] = _categorical(classes, sum(summary.predictions.count for summary in summaries), kind)
    return found | _rates(summaries)


def _rates(summaries: Sequence[TelemetrySummary]) -> dict[str, FeatureReference]:
    found: dict[str, FeatureReference] = {}
    for name, (kind, read) in RATES.items():
        pairs = [read(summary) for summary in summaries]
        hits, rows = sum(hits for hits, _ in pairs), sum(rows for _, rows in pairs)
        if rows >= ROWS_MIN:
            found[name] = RateReference(kind="rate", type=kind, hits=hits, rows=rows)
    return found
