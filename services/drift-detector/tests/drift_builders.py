"""Rows of generated features as summaries, by telemetry-ingest's rules, through a detector without servers."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from drift_detector.domain.decide import Item, Known, decide
from drift_detector.domain.facts import Fact
from drift_detector.domain.layout import Layout, bins_of_numeric
from drift_detector.domain.learn import Kept
from drift_detector.domain.plan import Plan
from drift_detector.domain.policy import Rules
from drift_detector.domain.state import DetectorState, Pane
from flyball.schemas.alerts import Alert
from flyball.schemas.drift import (
    CategoricalReference,
    DriftPolicy,
    DriftReference,
    DriftReport,
    FeatureReference,
    NumericReference,
)
from flyball.schemas.summaries import (
    CategoryFeatureCounts,
    FeatureStatistics,
    FeatureValues,
    NumericFeatureCounts,
    PredictionStatistics,
    TelemetrySummary,
)
from flyball.stats.reference import category_reference, count_numeric, numeric_reference

TENANT, SYSTEM = "default", "card-fraud"
START = datetime(2026, 11, 21, 9, tzinfo=UTC)
ANNOUNCED = START - timedelta(minutes=5)
PANE = timedelta(seconds=10)
PANE_ROWS = 100
Values = Sequence[float | str | None]
Rows = Mapping[str, Values]


def numeric(values: Values) -> NumericReference:
    made = numeric_reference(np.array([np.nan if value is None else value for value in values], dtype=float))
    return NumericReference(
        kind="numeric",
        edges=tuple(made.edges.tolist()),
        counts=tuple(made.counts.tolist()),
        rows=made.rows,
        nulls=made.nulls,
        minimum=made.minimum,
        maximum=made.maximum,
        standard_deviation=made.standard_deviation,
    )


def categorical(values: Values) -> CategoricalReference:
    made = category_reference([None if value is None else str(value) for value in values])
    return CategoricalReference(kind="categorical", counts=made.counts, rows=made.rows, nulls=made.nulls)


def reference_of(rows: Rows, version: int = 1, at: datetime = ANNOUNCED) -> DriftReference:
    features: dict[str, FeatureReference] = {
        name: categorical(values) if any(isinstance(value, str) for value in values) else numeric(values)
        for name, values in rows.items()
    }
    return DriftReference(
        tenant=TENANT,
        system=SYSTEM,
        version=version,
        effective_at=at,
        release=None,
        rows=max(feature.rows for feature in features.values()),
        features=features,
        source="test",
        author="user:test",
        created_at=at - timedelta(seconds=30),
    )


def learn_anew(version: int, at: datetime) -> DriftReference:
    return reference_of({"x": [1.0, 2.0] * 250}, version, at).model_copy(update={"features": {}, "rows": 0})


def statistics(reference: DriftReference | None, rows: Rows) -> FeatureStatistics:
    """As telemetry-ingest counts them."""
    size = max(len(values) for values in rows.values())
    if reference is None or not reference.features:
        version = reference.version if reference else 0
        return FeatureStatistics(
            reference_version=version, rows=size, values={name: _values(values) for name, values in rows.items()}
        )
    numbers, categories = {}, {}
    for name, feature in reference.features.items():
        values = rows.get(name, [None] * size)
        if isinstance(feature, NumericReference):
            numbers[name] = _numeric(feature, values)
        elif isinstance(feature, CategoricalReference):
            categories[name] = _categorical(feature, values)
    return FeatureStatistics(reference_version=reference.version, rows=size, numeric=numbers, categorical=categories)


def summary_of(rows: Rows, start: datetime, reference: DriftReference | None, **more: Any) -> TelemetrySummary:
    size = max(len(values) for values in rows.values())
    return TelemetrySummary(
        tenant=TENANT,
        system=SYSTEM,
        release="1.0.0",
        segment=None,
        bucket_start=start,
        event_time_max=start,
        predictions=PredictionStatistics(count=size),
        features=(statistics(reference, rows),),
        **more,
    )


@dataclass
class Detector:
    """A system and its detector; everything that followed is in ``facts``."""

    references: list[DriftReference]
    policy: DriftPolicy = field(default_factory=lambda: DriftPolicy(lateness_seconds=0))
    policy_version: int = 3
    state: DetectorState = field(default_factory=DetectorState)
    recent: tuple[Pane, ...] = ()
    facts: list[Fact] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)
    panes: list[Pane] = field(default_factory=list)
    due: int = 0
    _plans: dict[int, Plan] = field(default_factory=dict)

    def known(self) -> Known:
        for reference in self.references:
            if reference.features and reference.version not in self._plans:
                self._plans[reference.version] = Plan.of(Layout.of(reference))
        return Known(tuple(self.references), dict(self._plans))

    def give(self, items: Iterable[Item]) -> "Detector":
        rules = Rules(self.policy, self.policy_version, "ops@example.com")
        for item in items:
            decision = decide(self.state, self.recent, item, self.known(), rules)
            self.state, self.recent = decision.state, decision.recent
            self.facts += decision.facts
            self.panes += decision.judged
            self.kept += [decision.kept] if decision.kept else []
            self.due += decision.is_due
        return self

    @property
    def reports(self) -> list[DriftReport]:
        return [fact for fact in self.facts if isinstance(fact, DriftReport)]

    @property
    def news(self) -> list[Fact]:
        """All but that features are watched."""
        return [fact for fact in self.facts if not (isinstance(fact, DriftReport) and fact.state == "ok")]

    @property
    def alerts(self) -> list[Alert]:
        return [fact for fact in self.facts if isinstance(fact, Alert)]

    def copy(self) -> "Detector":
        return replace(self, references=list(self.references), facts=[], kept=[], panes=[])


def pane_at(number: int) -> datetime:
    return START + number * PANE


def items(rows: Rows, reference: DriftReference | None, first_pane: int = 0, pane_rows: int = PANE_ROWS) -> list[Item]:
    """One summary for each pane, told when the pane is over."""
    size = max(len(values) for values in rows.values())
    made = []
    for number, at in enumerate(range(0, size, pane_rows)):
        chunk = {name: values[at : at + pane_rows] for name, values in rows.items()}
        start = pane_at(first_pane + number)
        made.append(Item(summary_of(chunk, start, reference), start + PANE))
    return made


def _values(values: Values) -> FeatureValues:
    return FeatureValues(
        numbers=dict(Counter(float(v) for v in values if isinstance(v, float))),
        texts=dict(Counter(v for v in values if isinstance(v, str))),
    )


def _numeric(feature: NumericReference, values: Values) -> NumericFeatureCounts:
    numbers = [value for value in values if isinstance(value, (int, float))]
    counted = count_numeric(bins_of_numeric(feature), numbers)
    unparsable = sum(isinstance(value, str) for value in values)
    return NumericFeatureCounts(
        bins={index: int(count) for index, count in enumerate(counted.counts) if count},
        nulls=len(values) - len(numbers) - unparsable,
        unparsable=unparsable,
        out_of_range=counted.out_of_range,
    )


def _categorical(feature: CategoricalReference, values: Values) -> CategoryFeatureCounts:
    seen = Counter(value for value in values if isinstance(value, str))
    known = {name: count for name, count in seen.items() if name in feature.counts}
    unparsable = sum(isinstance(value, (int, float)) for value in values)
    return CategoryFeatureCounts(
        known=known,
        new=seen.total() - sum(known.values()),
        nulls=len(values) - seen.total() - unparsable,
        unparsable=unparsable,
    )
