"""What one summary says about each dimension: good and bad counts."""

from collections.abc import Sequence
from dataclasses import dataclass

from budget_ledger.domain.policy import Policy
from flyball.schemas.registry import ACCURACY, AVAILABILITY, PERFORMANCE, SAFETY
from flyball.schemas.summaries import EvaluationStatistics, TelemetrySummary
from flyball.stats.decimal_bins import count_below


@dataclass(frozen=True, slots=True)
class Observation:
    """Scored events that were judged alike."""

    good: int
    bad: int
    sampling_ppm: int = 1_000_000
    evaluator: str = ""

    @property
    def events(self) -> int:
        return self.good + self.bad


def observations(dimension: str, summary: TelemetrySummary, policy: Policy) -> Sequence[Observation]:
    """Observations with at least one event; none when the summary says nothing about the dimension."""
    return [seen for seen in _READERS[dimension](summary, policy) if seen.events]


def _accuracy(summary: TelemetrySummary, policy: Policy) -> list[Observation]:
    return [
        Observation(judged.passed, judged.failed, judged.sampling_ppm, _evaluator(judged))
        for judged in summary.evaluations
        if judged.metric == policy.metric
    ]


def _evaluator(judged: EvaluationStatistics) -> str:
    # Agents choose these words. JSON strings may hold a NUL, which Postgres's text cannot.
    return f"{judged.evaluator}@{judged.evaluator_version}".replace("\0", "\ufffd")


def _safety(summary: TelemetrySummary, policy: Policy) -> list[Observation]:
    del policy
    blocked = sum(rule.malicious_blocked for rule in summary.guardrails)
    passed = sum(rule.malicious_passed for rule in summary.guardrails)
    return [Observation(blocked, passed)]


def _performance(summary: TelemetrySummary, policy: Policy) -> list[Observation]:
    latency = summary.interactions.latency_us
    fast = count_below(latency.bins, policy.latency_max_us)
    return [Observation(fast, latency.count - fast)]


def _availability(summary: TelemetrySummary, policy: Policy) -> list[Observation]:
    del policy
    failed = sum(summary.interactions.errors.values())
    return [Observation(summary.interactions.count - failed, failed)]


_READERS = {ACCURACY: _accuracy, SAFETY: _safety, PERFORMANCE: _performance, AVAILABILITY: _availability}
