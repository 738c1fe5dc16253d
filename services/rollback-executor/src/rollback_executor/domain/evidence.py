"""What the blocks say: per metric the evidence of harm, and the evidence that there is none."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from flyball.schemas.rollouts import ERRORS, LATENCY, METRICS, QUALITY, SAFETY, Comparison, Metric, RolloutPolicy
from flyball.stats.decimal_bins import count_below, decimal_bin, lower_edge
from flyball.stats.proportions import clopper_pearson_interval
from flyball.stats.two_sample_betting import (
    Block as Rows,
)
from flyball.stats.two_sample_betting import (
    ComparisonEvidence,
    after_harm_block,
    after_non_inferiority_block,
    harm_comparison,
    non_inferiority_comparison,
)
from rollback_executor.domain.blocks import Block, Counts

LATENCY_ROWS_MIN = 200
"""Before the baseline has answered so often, its quantile is a guess; latency is compared from then on."""
US_PER_MS = 1_000
MILLION = 1_000_000
INTERVAL_CONFIDENCE = 0.975
"""Of each arm, so that the difference of both is missed with 5 % at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricEvidence:
    """One metric over all blocks in which both arms had it."""

    metric: Metric
    harm: ComparisonEvidence = field(default_factory=harm_comparison)
    promotion: ComparisonEvidence = field(default_factory=non_inferiority_comparison)
    baseline_bad: int = 0
    baseline_count: int = 0
    candidate_bad: int = 0
    candidate_count: int = 0
    blocks: int = 0
    first_block: int | None = None
    last_block: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All metrics, and what latency is held against: fixed once the baseline's quantile is known."""

    metrics: Mapping[Metric, MetricEvidence] = field(
        default_factory=lambda: {name: MetricEvidence(metric=name) for name in METRICS}
    )
    baseline_latency_bins: Mapping[int, int] = field(default_factory=dict)
    latency_threshold_us: int | None = None


def with_block(evidence: Evidence, block: Block, policy: RolloutPolicy) -> Evidence:
    """The evidence after one more block. The latency threshold comes from earlier blocks alone."""
    metrics = {name: _after(evidence, each, block, policy) for name, each in evidence.metrics.items()}
    return _with_reference(replace(evidence, metrics=metrics), block, policy)


def harm_threshold(metric: Metric, policy: RolloutPolicy) -> float:
    """log(k / alpha): safety has its own alpha, the other metrics share one."""
    if metric == SAFETY:
        return -math.log(policy.safety_alpha)
    return math.log((len(METRICS) - 1) / policy.harm_alpha)


def promotion_threshold(policy: RolloutPolicy) -> float:
    return -math.log(policy.promotion_alpha)


def is_finite(evidence: MetricEvidence) -> bool:
    return math.isfinite(evidence.harm.log_e_value) and math.isfinite(evidence.promotion.log_e_value)


def shows_harm(evidence: MetricEvidence, policy: RolloutPolicy) -> bool:
    return evidence.harm.log_e_value >= harm_threshold(evidence.metric, policy)


def shows_no_harm(evidence: MetricEvidence, policy: RolloutPolicy) -> bool:
    return evidence.promotion.log_e_value >= promotion_threshold(policy)


def comparison(evidence: MetricEvidence, threshold_us: int | None, policy: RolloutPolicy) -> Comparison:
    """The evidence as it is told, with the difference and an interval for people."""
    difference, lower, upper = _difference(evidence)
    return Comparison(
        metric=evidence.metric,
        required=evidence.metric in policy.required_metrics,
        harm_log_e_value=evidence.harm.log_e_value,
        harm_log_threshold=harm_threshold(evidence.metric, policy),
        non_inferiority_log_e_value=evidence.promotion.log_e_value,
        non_inferiority_log_threshold=promotion_threshold(policy),
        candidate_bad=evidence.candidate_bad,
        candidate_count=evidence.candidate_count,
        baseline_bad=evidence.baseline_bad,
        baseline_count=evidence.baseline_count,
        difference=difference,
        difference_lower=lower,
        difference_upper=upper,
        threshold_us=threshold_us if evidence.metric == LATENCY else None,
        blocks=evidence.blocks,
        first_block=evidence.first_block,
        last_block=evidence.last_block,
    )


def _after(evidence: Evidence, metric: MetricEvidence, block: Block, policy: RolloutPolicy) -> MetricEvidence:
    threshold = evidence.latency_threshold_us
    baseline = _bad_and_count(metric.metric, block.baseline, threshold)
    candidate = _bad_and_count(metric.metric, block.candidate, threshold)
    rows = Rows(*baseline, *candidate)
    if not rows.baseline_count and not rows.candidate_count:
        return metric
    tolerance = (policy.latency_tolerance_ppm if metric.metric == LATENCY else policy.tolerance_ppm) / MILLION
    after = replace(
        metric,
        harm=after_harm_block(metric.harm, rows),
        promotion=after_non_inferiority_block(metric.promotion, rows, tolerance),
    )
    return _counted(after, rows, block.position) if rows.baseline_count and rows.candidate_count else after


def _counted(metric: MetricEvidence, rows: Rows, position: int) -> MetricEvidence:
    return replace(
        metric,
        baseline_bad=metric.baseline_bad + rows.baseline_bad,
        baseline_count=metric.baseline_count + rows.baseline_count,
        candidate_bad=metric.candidate_bad + rows.candidate_bad,
        candidate_count=metric.candidate_count + rows.candidate_count,
        blocks=metric.blocks + 1,
        first_block=position if metric.first_block is None else metric.first_block,
        last_block=position,
    )


def _bad_and_count(metric: Metric, counts: Counts, threshold_us: int | None) -> tuple[int, int]:
    if metric == ERRORS:
        return counts.errors, counts.interactions
    if metric == QUALITY:
        return counts.quality_bad, counts.quality_count
    if metric == SAFETY:
        return counts.safety_bad, counts.safety_count
    if threshold_us is None:
        return 0, 0
    total = sum(counts.latency_bins.values())
    return total - count_below(counts.latency_bins, threshold_us), total


def _with_reference(evidence: Evidence, block: Block, policy: RolloutPolicy) -> Evidence:
    if evidence.latency_threshold_us is not None:
        return evidence
    bins = Counts(latency_bins=evidence.baseline_latency_bins).plus(block.baseline).latency_bins
    total = sum(bins.values())
    if total < LATENCY_ROWS_MIN:
        return replace(evidence, baseline_latency_bins=bins)
    return replace(evidence, baseline_latency_bins={}, latency_threshold_us=_threshold_us(bins, total, policy))


def _threshold_us(bins: Mapping[int, int], total: int, policy: RolloutPolicy) -> int:
    """The quantile plus max(margin in ms, margin in percent), rounded up to an edge, where bins count exactly."""
    needed, below, index = total * policy.latency_quantile_percent, 0, 0
    for index in sorted(bins):
        below += bins[index]
        if below * 100 >= needed:
            break
    quantile_us = lower_edge(index + 1)
    margin_us = max(policy.latency_margin_ms * US_PER_MS, quantile_us * policy.latency_margin_percent // 100)
    return lower_edge(decimal_bin(quantile_us + margin_us - 1) + 1)


def _difference(evidence: MetricEvidence) -> tuple[float | None, float | None, float | None]:
    if not evidence.blocks:
        return None, None, None
    candidate, baseline = evidence.candidate_count, evidence.baseline_count
    low_c, high_c = clopper_pearson_interval(evidence.candidate_bad, candidate, INTERVAL_CONFIDENCE)
    low_b, high_b = clopper_pearson_interval(evidence.baseline_bad, baseline, INTERVAL_CONFIDENCE)
    difference = evidence.candidate_bad / candidate - evidence.baseline_bad / baseline
    return difference, max(-1.0, low_c - high_b), min(1.0, high_c - low_b)
