"""Drift topics: what live data are compared with, what was found, and who is asked to retrain."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, model_validator

from flyball.schemas.base import Count, Event, Fraction, Name, ShortText, Text, UtcTime
from flyball.schemas.native import Release

EDGES_MAX = 128
"""Forty-nine quantiles, each of which may be an atom with an edge on either side."""
CATEGORIES_MAX = 256
FEATURES_MAX = 512
REFERENCE_ROWS_MIN = 500

DriftSeverity = Literal["none", "low", "medium", "high", "critical"]
DriftState = Literal["ok", "suspect", "drift", "recovered"]
DriftType = Literal["data", "prediction", "concept", "guardrail", "behaviour"]
Dispersion = Annotated[float, Field(ge=1)]
"""How much more a pane's totals vary than those of independent rows."""


class NumericReference(Event):
    """A feature's frozen distribution. Bin i holds edges[i-1] <= x < edges[i]; the outer two are open."""

    kind: Literal["numeric"]
    type: DriftType = "data"
    edges: Annotated[tuple[float, ...], Field(min_length=1, max_length=EDGES_MAX)]
    """Ascending and distinct: quantiles whose ties were collapsed, so that atoms are safe."""
    counts: tuple[Count, ...]
    """Of each bin: one more than there are edges."""
    rows: Count
    nulls: Count
    minimum: float
    maximum: float
    standard_deviation: float = Field(ge=0)
    dispersion: Dispersion = 1.0

    @model_validator(mode="after")
    def _adds_up(self) -> "NumericReference":
        if len(self.counts) != len(self.edges) + 1:
            raise ValueError("counts has one bin more than edges")
        if any(left >= right for left, right in zip(self.edges, self.edges[1:], strict=False)):
            raise ValueError("edges are ascending and distinct")
        if sum(self.counts) + self.nulls != self.rows:
            raise ValueError("rows are those of all bins and the nulls")
        return self


class CategoricalReference(Event):
    """A feature's frozen categories and their counts. What is not among them is new."""

    kind: Literal["categorical"]
    type: DriftType = "data"
    counts: Annotated[dict[Text, Count], Field(max_length=CATEGORIES_MAX)]
    rows: Count
    nulls: Count
    dispersion: Dispersion = 1.0

    @model_validator(mode="after")
    def _adds_up(self) -> "CategoricalReference":
        if sum(self.counts.values()) + self.nulls > self.rows:
            raise ValueError("rows are those of all categories and the nulls, and of values left out")
        return self


class RateReference(Event):
    """How often something happened: ``hits`` in ``rows``."""

    kind: Literal["rate"]
    type: DriftType
    hits: Count
    rows: Count
    dispersion: Dispersion = 1.0

    @model_validator(mode="after")
    def _adds_up(self) -> "RateReference":
        if self.hits > self.rows:
            raise ValueError("there are no more hits than rows")
        return self


FeatureReference = Annotated[NumericReference | CategoricalReference | RateReference, Field(discriminator="kind")]


class DriftReference(Event):
    """What one system's data looked like when somebody approved it. Immutable: a change is a new version.

    It holds for the panes that begin at ``effective_at`` or later, until the next version does. A version without
    features says: from here on learn anew, from the first rows.
    """

    tenant: Name
    system: Name
    version: Annotated[int, Field(ge=1)]
    effective_at: UtcTime
    """On a ten-second boundary."""
    release: Release | None
    rows: Count
    features: Annotated[dict[ShortText, FeatureReference], Field(max_length=FEATURES_MAX)]
    """Features of predictions, by name: telemetry-ingest counts rows on them."""
    indicators: Annotated[dict[ShortText, FeatureReference], Field(max_length=FEATURES_MAX)] = {}
    """What summaries count anyway: latency, tokens, classes, errors, guardrails."""
    source: Text
    """Where it came from: ``first rows of 1.4.0``, ``file train.csv``, ..."""
    author: Text
    """``service:drift-detector`` or ``user:<name>``."""
    created_at: UtcTime

    @model_validator(mode="after")
    def _has_rows(self) -> "DriftReference":
        if (self.features or self.indicators) and self.rows < REFERENCE_ROWS_MIN:
            raise ValueError(f"a reference needs at least {REFERENCE_ROWS_MIN} rows; 10,000 are recommended")
        if any(feature.kind == "rate" or feature.type != "data" for feature in self.features.values()):
            raise ValueError("features are numeric or categorical, of type data; what else there is is an indicator")
        return self


class DriftEvidence(Event):
    """Is it really different? A sequential test with a false-alarm budget, valid at every look."""

    statistic: float = Field(ge=0)
    """Largest Shiryaev-Roberts mean over the bets of a stream; 1e300 stands for more."""
    threshold: float = Field(gt=0)
    """The alarm line: average run length in panes times the number of streams."""
    panes: Count
    """Panes with rows since the evidence began."""
    dispersion: float = Field(ge=1)
    stream: ShortText = "values"
    """Which of the feature's streams is the strongest: values, nulls, out_of_range, new, hits, or ``= <category>``."""


class DriftEffect(Event):
    """By how much? Bias-corrected, over the last ``panes`` panes; None where there are too few rows to say."""

    panes: Count
    rows: Count
    psi: float | None
    psi_lower: float | None
    jensen_shannon: float | None
    null_rate: Fraction | None
    """Nulls, missing and unparsable values, of all rows."""
    out_of_range_rate: Fraction | None
    new_rate: Fraction | None
    kolmogorov_smirnov: float | None = None
    kolmogorov_smirnov_p: float | None = None
    chi_square: float | None = None
    chi_square_p: float | None = None
    kullback_leibler: float | None = None
    wasserstein: float | None = None
    """In standard deviations of the reference."""
    bins_moved: Count | None = None
    """Bins whose share differs from the reference's by more than chance would have it (1 %, all bins together)."""
    excess_lower: Fraction | None = None
    """Lower bound of how much more often rows are null, out of range or hits than in the reference, a share."""


class LiveCounts(Event):
    """Rows of the last ``panes`` panes on the reference's bins: what a histogram beside the reference's shows."""

    panes: Count
    rows: Count
    bins: Annotated[tuple[Count, ...], Field(max_length=EDGES_MAX + 1)] = ()
    """Of a numeric feature, as many as the reference has counts."""
    categories: Annotated[dict[Text, Count], Field(max_length=CATEGORIES_MAX)] = {}
    new: Count = 0
    nulls: Count = 0
    unparsable: Count = 0
    out_of_range: Count = 0
    hits: Count = 0


class DriftReport(Event):
    """The state of one feature after one pane that was news."""

    tenant: Name
    system: Name
    feature: ShortText
    type: DriftType
    episode: Text
    """One latched drift has one episode, and so one alert."""
    state: DriftState
    severity: DriftSeverity
    evidence: DriftEvidence
    effects: tuple[DriftEffect, ...] = Field(max_length=8)
    live: LiveCounts | None = None
    """Of the longest window. None where nothing was counted."""
    performance_loss: float | None = None
    """Lower bound of the loss in percentage points, where labels or estimates exist."""
    changed_at: UtcTime | None
    """Estimated time of the change."""
    pane_start: UtcTime
    reason: str = Field(default="", max_length=512)
    reference_version: Count
    policy_version: Count


class RetrainingRequested(Event):
    """``retraining.requests.v1``: one request for one episode, said again when its priority rises."""

    tenant: Name
    system: Name
    episode: Text
    priority: Literal["normal", "high", "urgent"]
    reason: str = Field(max_length=512)
    requested_at: UtcTime


class DriftPolicy(Event):
    """How a system's drift is judged. Panes, windows and severities; every figure with its unit."""

    pane_seconds: int = Field(default=10, ge=10, le=86_400, multiple_of=10)
    """Slow systems take longer panes: severity is judged on the last 64 that have rows."""
    lateness_seconds: int = Field(default=60, ge=0, le=3_600)
    """A pane is judged when nothing was added to it for so long after its end, by the broker's time."""
    false_alarm_days: int = Field(default=30, ge=1, le=3_650)
    """On average one false alarm per system in so many days, over all its features."""
    reference_rows: int = Field(default=10_000, ge=REFERENCE_ROWS_MIN, le=100_000)
    """A system without a reference gets one from its first rows."""
    learns: bool = True
    """If not, features are compared with nothing until a person gives a reference."""
    calibration_panes: int = Field(default=200, ge=1, le=1_000)
    """The first panes on a reference measure how much rows depend on one another; nothing alarms before.

    Fewer than 200 measure nothing: then it is the reference's word that holds, which is independence unless it says
    otherwise. Lower it where rows are known to be independent.
    """
    suspect_share: float = Field(default=0.01, gt=0, lt=1)
    """Part of the alarm line from which a feature is suspect."""
    medium_psi: float = Field(default=0.1, gt=0, le=10)
    high_psi: float = Field(default=0.2, gt=0, le=10)
    critical_psi: float = Field(default=0.3, gt=0, le=10)
    medium_excess: float = Field(default=0.03, gt=0, le=1)
    high_excess: float = Field(default=0.05, gt=0, le=1)
    critical_excess: float = Field(default=0.1, gt=0, le=1)
    """Lower bound of how much more often rows are null, out of range or bad, a share."""
    recovery_psi: float = Field(default=0.05, gt=0, le=10)
    recovery_panes: int = Field(default=16, ge=1, le=64)
    """So many panes in a row below ``recovery_psi`` end an episode."""


def reference_in_force(references: Iterable[DriftReference], at: datetime) -> DriftReference | None:
    """The newest version that has taken effect at ``at``; None before the first."""
    effective = (reference for reference in references if reference.effective_at <= at)
    return max(effective, key=lambda reference: reference.version, default=None)
