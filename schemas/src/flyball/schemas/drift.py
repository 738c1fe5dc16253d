"""``drift.references.v1`` and ``drift.reports.v1``: what live data are compared with, and what was found."""

from typing import Annotated, Literal

from pydantic import Field

from flyball.schemas.base import Count, Event, Fraction, Name, ShortText, Text, UtcTime
from flyball.schemas.native import Release

EDGES_MAX = 64
CATEGORIES_MAX = 256
FEATURES_MAX = 512

DriftSeverity = Literal["none", "low", "medium", "high", "critical"]
DriftState = Literal["ok", "suspect", "drift", "recovered"]


class NumericReference(Event):
    """A feature's frozen distribution. Bin i holds edges[i-1] <= x < edges[i]; the outer two are open."""

    kind: Literal["numeric"]
    edges: Annotated[tuple[float, ...], Field(min_length=1, max_length=EDGES_MAX)]
    """Ascending and distinct: quantiles whose ties were collapsed, so that atoms are safe."""
    counts: tuple[Count, ...]
    """Of each bin: one more than there are edges."""
    rows: Count
    nulls: Count
    minimum: float
    maximum: float
    standard_deviation: float = Field(ge=0)


class CategoricalReference(Event):
    """A feature's frozen categories and their counts. What is not among them is new."""

    kind: Literal["categorical"]
    counts: Annotated[dict[Text, Count], Field(max_length=CATEGORIES_MAX)]
    rows: Count
    nulls: Count


FeatureReference = Annotated[NumericReference | CategoricalReference, Field(discriminator="kind")]


class DriftReference(Event):
    """What one system's data looked like when somebody approved it. Immutable: a change is a new version."""

    tenant: Name
    system: Name
    version: Count
    release: Release | None
    rows: Annotated[int, Field(ge=500)]
    features: Annotated[dict[ShortText, FeatureReference], Field(max_length=FEATURES_MAX)]
    source: Text
    """Where it came from: ``first rows of 1.4.0``, ``file train.parquet``, ..."""
    created_at: UtcTime


class DriftEvidence(Event):
    """Is it really different? A sequential test with a false-alarm budget, valid at every look."""

    statistic: float = Field(ge=0)
    """Largest Shiryaev-Roberts mean over the bets of the stream."""
    threshold: float = Field(gt=0)
    """The alarm line: average run length in panes times the number of streams."""
    panes: Count
    dispersion: float = Field(ge=1)


class DriftEffect(Event):
    """By how much? Bias-corrected, over the last ``panes`` panes; None where there are too few rows to say."""

    panes: Count
    rows: Count
    psi: float | None
    psi_lower: float | None
    jensen_shannon: float | None
    null_rate: Fraction | None
    out_of_range_rate: Fraction | None
    new_rate: Fraction | None


class DriftReport(Event):
    """The state of one feature after one pane that was news."""

    tenant: Name
    system: Name
    feature: ShortText
    type: Literal["data", "prediction", "concept", "guardrail", "behaviour"]
    episode: Text
    """One latched drift has one episode, and so one alert."""
    state: DriftState
    severity: DriftSeverity
    evidence: DriftEvidence
    effects: tuple[DriftEffect, ...] = Field(max_length=8)
    performance_loss: float | None = None
    """Lower bound of the loss in percentage points, where labels or estimates exist."""
    changed_at: UtcTime | None
    """Estimated time of the change."""
    pane_start: UtcTime
    reference_version: Count
    policy_version: Count


class RetrainingRequested(Event):
    """``retraining.requests.v1``: one request for one episode, with its priority."""

    tenant: Name
    system: Name
    episode: Text
    priority: Literal["normal", "high", "urgent"]
    reason: str = Field(max_length=512)
    requested_at: UtcTime
