"""Summaries and books for the tests, by what matters in each."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from budget_ledger.domain.batch import Item, Outcome, apply
from budget_ledger.domain.budget import Book, Budget
from budget_ledger.domain.entries import BudgetId, Chain
from budget_ledger.domain.policy import DIMENSIONS
from flyball.schemas.registry import SystemRevision
from flyball.schemas.summaries import (
    EvaluationStatistics,
    GuardrailStatistics,
    Histogram,
    InteractionStatistics,
    TelemetrySummary,
)
from flyball.stats.decimal_bins import decimal_bin

START = datetime(2026, 11, 1, tzinfo=UTC)


def summary(
    at: datetime = START,
    *,
    interactions: Sequence[tuple[str, int]] = (),
    judged: tuple[int, int] = (0, 0),
    sampling_ppm: int = 1_000_000,
    attacks: tuple[int, int] = (0, 0),
) -> TelemetrySummary:
    """``interactions`` are (outcome, latency in ms); ``judged`` and ``attacks`` are (good, bad)."""
    passed, failed = judged
    blocked, through = attacks
    evaluation = EvaluationStatistics(
        metric="factuality",
        evaluator="judge",
        evaluator_version="1",
        sampling_ppm=sampling_ppm,
        count=passed + failed,
        passed=passed,
        failed=failed,
    )
    guardrail = GuardrailStatistics(
        rule="jailbreak", kind="jailbreak", malicious_blocked=blocked, malicious_passed=through
    )
    return TelemetrySummary(
        tenant="default",
        system="support",
        release="1.0.0",
        segment=None,
        bucket_start=at,
        event_time_max=at,
        interactions=_interactions(interactions),
        evaluations=(evaluation,) if passed + failed else (),
        guardrails=(guardrail,) if blocked + through else (),
    )


def _interactions(seen: Sequence[tuple[str, int]]) -> InteractionStatistics:
    errors: dict[str, int] = {}
    bins: dict[int, int] = {}
    for outcome, latency_ms in seen:
        if outcome != "ok":
            errors[outcome] = errors.get(outcome, 0) + 1
        index = decimal_bin(latency_ms * 1000)
        bins[index] = bins.get(index, 0) + 1
    total = sum(latency_ms * 1000 for _, latency_ms in seen)
    return InteractionStatistics(
        count=len(seen), errors=errors, latency_us=Histogram(count=len(seen), total=total, bins=bins)
    )


def new_books() -> dict[BudgetId, Book]:
    ids = [BudgetId("default", "support", dimension) for dimension in DIMENSIONS]
    return {key: Book(Budget(Chain(key))) for key in ids}


def play(
    summaries: Iterable[TelemetrySummary],
    *,
    recorded: Sequence[datetime] | None = None,
    books: dict[BudgetId, Book] | None = None,
    revisions: Sequence[SystemRevision] = (),
) -> Outcome:
    """Apply summaries one after another, each recorded a second after its bucket unless told otherwise."""
    listed = list(summaries)
    times = recorded or [each.bucket_start + timedelta(seconds=1) for each in listed]
    items = [Item(each, f"cause-{number}", at) for number, (each, at) in enumerate(zip(listed, times, strict=True))]
    return apply(items, books or new_books(), {("default", "support"): revisions})


def budget(outcome: Outcome, dimension: str) -> Budget:
    return outcome.books[BudgetId("default", "support", dimension)].budget
