"""A finding of the simulation: minutes that events reach after their hour has left the window."""

from datetime import UTC, datetime, timedelta

from budget_ledger.domain.batch import Item, apply
from budget_ledger.domain.budget import Book, Budget
from budget_ledger.domain.entries import BudgetId, Chain
from budget_ledger.domain.policy import DIMENSIONS
from flyball.schemas.registry import AVAILABILITY, AvailabilityTarget, SystemRevision, SystemSpec, Targets
from flyball.schemas.summaries import InteractionStatistics, TelemetrySummary

NOW = datetime(2026, 1, 3, tzinfo=UTC)
SYSTEM = ("default", "support")
SPEC = SystemSpec(
    system="support", window_days=1, targets=Targets(availability=AvailabilityTarget(minute_target_ppm=500_000))
)


def late(errors: dict[str, int]) -> TelemetrySummary:
    at = NOW - timedelta(days=2)
    interactions = InteractionStatistics(count=1, errors=errors)
    return TelemetrySummary(
        tenant="default",
        system="support",
        release="1.0.0",
        segment=None,
        bucket_start=at,
        event_time_max=at,
        interactions=interactions,
    )


def test_a_bad_event_and_then_a_good_one_of_a_minute_that_left_the_window_change_nothing() -> None:
    revision = SystemRevision(version=1, effective_at=NOW - timedelta(days=9), author="ada", spec=SPEC)
    items = [Item(late({"timeout": 1}), "first", NOW), Item(late({}), "second", NOW)]
    ids = [BudgetId(*SYSTEM, dimension) for dimension in DIMENSIONS]
    outcome = apply(items, {key: Book(Budget(Chain(key))) for key in ids}, {SYSTEM: [revision]})
    balances = outcome.books[BudgetId(*SYSTEM, AVAILABILITY)].budget.balances
    assert (balances.burned, balances.expired, balances.total) == (0, 0, 0)
