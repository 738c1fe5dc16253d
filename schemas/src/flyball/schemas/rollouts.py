"""``rollouts.v1``: which release takes which share of the traffic, and on what evidence."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from flyball.schemas.base import Count, Event, Identifier, Name, ShortText, Text, UtcTime
from flyball.schemas.native import Release
from flyball.schemas.summaries import BUCKET_SECONDS

RolloutStep = Literal[
    "proposed",
    "approved",
    "shadow",
    "canary",
    "bake",
    "done",
    "paused",
    "held",
    "rolling_back",
    "verifying",
    "rolled_back",
    "rollback_failed",
]
BASIS_POINTS = 10_000
ShareBasisPoints = Annotated[int, Field(ge=0, le=BASIS_POINTS)]
Seconds = Annotated[int, Field(ge=1, le=604_800)]
Alpha = Annotated[float, Field(gt=0, le=0.5)]

Metric = Literal["errors", "latency", "quality", "safety"]
ERRORS: Metric = "errors"
LATENCY: Metric = "latency"
QUALITY: Metric = "quality"
SAFETY: Metric = "safety"
METRICS: tuple[Metric, ...] = (ERRORS, LATENCY, QUALITY, SAFETY)
Mode = Literal["observe", "pause", "auto"]
"""What a guardrail that finds harm does: record it, pause the rollout, or roll back."""


class RolloutPolicy(Event):
    """The rules of one rollout, fixed when it is proposed. Time is counted on records and recorded ticks."""

    shadow: bool = False
    """Begin with the candidate seeing production input and its output unused."""
    steps_basis_points: tuple[ShareBasisPoints, ...] = Field(default=(500, 2_500, 5_000, 10_000), max_length=16)
    block_seconds: int = Field(default=BUCKET_SECONDS, ge=BUCKET_SECONDS, le=3_600, multiple_of=BUCKET_SECONDS)
    lateness_seconds: Seconds = 20
    """A block closes when a record of the system came so long after its end; what comes later is late."""
    settle_seconds: Count = Field(default=60, le=3_600)
    """After a share was set, routers may still follow the old one: no block of this time counts to dwell or shares."""
    dwell_seconds_min: Seconds = 300
    stage_seconds_max: Seconds = 14_400
    """Inconclusive for so long: held, and a person decides."""
    bake_seconds: Seconds = 600
    candidate_interactions_min: int = Field(default=200, ge=1, le=10_000_000)
    candidate_units_min: int = Field(default=200, ge=1, le=10_000_000)
    """So many users, tenants or sessions the candidate has at least: a share is as exact as a hash of them, and what
    their number leaves to chance is no fault of the routers. Half as many where a few are heavy."""
    fresh_seconds_max: Seconds = 180
    hold_seconds_max: Seconds = 1_800
    """Missing data, a missing metric or wrong shares for so long: rolled back."""
    harm_alpha: Alpha = 0.01
    """Chance of a false rollback, over all guardrails but safety together, however often one looks."""
    safety_alpha: Alpha = 0.01
    promotion_alpha: Alpha = 0.05
    sample_ratio_alpha: Alpha = 0.001
    tolerance_ppm: int = Field(default=5_000, ge=1, le=500_000)
    """The candidate may be worse than the baseline by this much; millionths of an interaction."""
    latency_tolerance_ppm: int = Field(default=10_000, ge=1, le=500_000)
    latency_quantile_percent: int = Field(default=95, ge=50, le=99)
    latency_margin_ms: Count = Field(default=50, le=60_000)
    latency_margin_percent: Count = Field(default=5, le=100)
    quality_metric: Name = "factuality"
    required_metrics: tuple[Metric, ...] = Field(default=(ERRORS, LATENCY), min_length=1, max_length=len(METRICS))
    modes: dict[Metric, Mode] = Field(default={}, max_length=len(METRICS))
    """Of guardrails that are not ``auto``."""
    verify_seconds_max: Seconds = 900
    verify_alone_seconds: Seconds = 30
    """Telemetry must show the restored release, and no other, for so long."""
    verify_interactions_min: int = Field(default=10, ge=1, le=1_000_000)
    automatic_rollback_seconds_apart: Seconds = 3_600
    watch_seconds_after_done: Count = Field(default=86_400, le=604_800)
    """So long after it is done, a red safety zone still rolls it back."""

    @model_validator(mode="after")
    def _grows_to_everything(self) -> "RolloutPolicy":
        steps = self.steps_basis_points
        if not steps or steps[0] < 1 or steps[-1] != BASIS_POINTS or list(steps) != sorted(set(steps)):
            raise ValueError("steps_basis_points must grow and end at 10000, for example [500, 2500, 5000, 10000]")
        return self


class Comparison(Event):
    """Candidate against baseline on one metric, valid at every look (arXiv 2106.02693, 2203.09785).

    E-values are natural logarithms, since they grow without bound; harm is found, or no harm shown, where one reaches
    its threshold. Counts are of interactions in blocks of concurrent traffic.
    """

    metric: Name
    required: bool
    harm_log_e_value: float
    harm_log_threshold: float
    non_inferiority_log_e_value: float
    non_inferiority_log_threshold: float
    candidate_bad: Count
    candidate_count: Count
    baseline_bad: Count
    baseline_count: Count
    difference: float | None = Field(default=None, ge=-1, le=1)
    """Share of bad ones, candidate minus baseline."""
    difference_lower: float | None = Field(default=None, ge=-1, le=1)
    difference_upper: float | None = Field(default=None, ge=-1, le=1)
    """A 95 % interval of the totals, for people; decisions rest on the e-values."""
    threshold_us: Count | None = None
    """Latency: what takes at least so long counts as bad. None until the baseline's quantile is known."""
    blocks: Count
    first_block: Count | None = None
    last_block: Count | None = None
    """Positions of the first and last block with both arms: seconds since 1970 over the length of a block."""


class SampleRatio(Event):
    """Do the arms get the shares they were promised? Evidence against it since the share was set (arXiv 2011.03567)."""

    candidate_count: Count
    baseline_count: Count
    planned_basis_points: ShareBasisPoints
    lower_basis_points: ShareBasisPoints | None = None
    upper_basis_points: ShareBasisPoints | None = None
    """Shares between them are what the hash of so few units does by chance: evidence is against all of them."""
    log_e_value: float
    log_threshold: float


class RolloutChanged(Event):
    """A rollout after one change. A command with an older epoch than this one is stale and changes nothing."""

    rollout_id: Identifier
    tenant: Name
    system: Name
    environment: Name
    baseline: Release
    candidate: Release
    step: RolloutStep
    share_basis_points: ShareBasisPoints
    """Of the candidate. A unit is in it when sha256(rollout id || unit) mod 10,000 is below."""
    epoch: Count
    version: Count
    reason: str = Field(min_length=1, max_length=1_024)
    comparisons: tuple[Comparison, ...] = Field(default=(), max_length=32)
    sample_ratio: SampleRatio | None = None
    late_interactions: Count = 0
    """Came after their block had closed, so no evidence counts them."""
    requested_by: Text
    actor: Text
    """Who made this change: ``service:rollback-executor`` or ``user:<name>``."""
    policy_version: Count
    adapter: ShortText
    changed_at: UtcTime
