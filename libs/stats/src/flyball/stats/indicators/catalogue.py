"""The table of indicators with their default targets and alert thresholds, as data."""

from typing import Final

from flyball.stats.indicators.model import Definition, Direction

HIGHER, LOWER, NEITHER = Direction.HIGHER, Direction.LOWER, Direction.NEITHER
FRACTION: Final = "1"
PEAK_RESERVE: Final = 1.5
"""A system is built for its peak and half as much again."""


def _row(
    layer: str,
    name: str,
    unit: str,
    direction: Direction,
    target: float | None = None,
    alert: float | None = None,
) -> Definition:
    return Definition(layer=layer, name=name, unit=unit, direction=direction, target=target, alert=alert)


DEFINITIONS: Final = (
    _row("infrastructure", "cpu", "as sampled", LOWER),
    _row("infrastructure", "memory", "as sampled", LOWER),
    _row("infrastructure", "disk", "as sampled", LOWER),
    _row("infrastructure", "network", "as sampled", NEITHER),
    _row("application", "availability", FRACTION, HIGHER, 0.999, 0.995),
    _row("application", "latency_p95", "s", LOWER, 2, 3),
    _row("application", "latency_p99", "s", LOWER, 5, 7),
    _row("application", "time_to_first_token_p95", "s", LOWER),
    _row("application", "error_rate", FRACTION, LOWER, 0.001, 0.005),
    _row("application", "throughput_of_capacity", FRACTION, LOWER, 1 / PEAK_RESERVE, 0.80),
    _row("model, language", "relevance", FRACTION, HIGHER, 0.80, 0.75),
    _row("model, language", "hallucination", FRACTION, LOWER, 0.05, 0.08),
    _row("model, language", "response_quality", "of 5", HIGHER, 4.0, 3.5),
    _row("model, language", "retrieval_hit", FRACTION, HIGHER, 0.85, 0.80),
    _row("model, classic", "accuracy", FRACTION, HIGHER, 0.90, 0.85),
    _row("model, classic", "precision", FRACTION, HIGHER, 0.85, 0.80),
    _row("model, classic", "recall", FRACTION, HIGHER, 0.85, 0.80),
    _row("model, classic", "f1", FRACTION, HIGHER, 0.85, 0.80),
    _row("model, classic", "area_under_curve", FRACTION, HIGHER, 0.90, 0.85),
    _row("model, classic", "demographic_parity_gap", FRACTION, LOWER),
    _row("model, classic", "equalised_odds_gap", FRACTION, LOWER),
    _row("business", "conversion", FRACTION, HIGHER),
    _row("business", "revenue", "as sampled", HIGHER),
    _row("business", "cost_per_success", "USD", LOWER, 0.10),
    _row("business", "user_rating", "of 5", HIGHER),
    _row("business", "return_on_investment", FRACTION, HIGHER),
    _row("safety", "guardrail_block_rate", FRACTION, HIGHER, 0.999),
    _row("safety", "human_in_the_loop_rate", FRACTION, LOWER, 0.10),
    _row("safety", "calibration_error", FRACTION, LOWER),
)
"""Seed defaults; what a system's spec says instead is the spec's to say."""
