"""Indicators: computed here, from merged summaries, and nowhere else.

Each has a value or the reason why there is none, the count it rests on, a 95 % interval, direction and unit.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from flyball.schemas.summaries import TelemetrySummary
from flyball.stats.indicators import application, business, classes, fairness, judged, safety, samples
from flyball.stats.indicators.catalogue import DEFINITIONS
from flyball.stats.indicators.evidence import Evidence, evidence_of
from flyball.stats.indicators.model import (
    Absent,
    Definition,
    Direction,
    Estimate,
    Indicator,
    Known,
    Standing,
)

__all__ = [
    "DEFINITIONS",
    "Absent",
    "Definition",
    "Direction",
    "Estimate",
    "Evidence",
    "Indicator",
    "Known",
    "Standing",
    "evidence_of",
    "indicators_of",
]

READERS: Final[Mapping[str, Callable[[Evidence, Known], Estimate]]] = {
    "cpu": samples.cpu,
    "memory": samples.memory,
    "disk": samples.disk,
    "network": samples.network,
    "availability": application.availability,
    "latency_p95": application.latency_p95,
    "latency_p99": application.latency_p99,
    "time_to_first_token_p95": application.time_to_first_token_p95,
    "error_rate": application.error_rate,
    "throughput_of_capacity": application.throughput_of_capacity,
    "relevance": judged.relevance,
    "hallucination": judged.hallucination,
    "response_quality": judged.response_quality,
    "retrieval_hit": judged.retrieval_hit,
    "accuracy": classes.accuracy,
    "precision": classes.precision,
    "recall": classes.recall,
    "f1": classes.f1,
    "area_under_curve": classes.area,
    "demographic_parity_gap": fairness.demographic_parity,
    "equalised_odds_gap": fairness.equalised_odds,
    "conversion": samples.conversion,
    "revenue": samples.revenue,
    "cost_per_success": business.cost_per_success,
    "user_rating": business.user_rating,
    "return_on_investment": business.return_on_investment,
    "guardrail_block_rate": safety.guardrail_block_rate,
    "human_in_the_loop_rate": safety.human_in_the_loop_rate,
    "calibration_error": safety.calibration_error,
}


def indicators_of(summaries: Iterable[TelemetrySummary], known: Known | None = None) -> tuple[Indicator, ...]:
    """Every indicator of one system over the buckets of ``summaries``, in the order of the table.

    Raises ``ValueError`` for no summary at all, or for those of several systems.
    """
    seen, said = evidence_of(summaries), known or Known()
    return tuple(Indicator(definition=each, estimate=READERS[each.name](seen, said)) for each in DEFINITIONS)
