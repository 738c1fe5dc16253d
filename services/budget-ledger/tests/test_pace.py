"""How fast a budget is spent, and when it would be gone."""

from dataclasses import replace
from datetime import timedelta

from ledger_builders import START, new_books

from budget_ledger.domain.budget import Budget, Sums
from budget_ledger.domain.entries import BudgetId
from budget_ledger.domain.pace import Spent, pace, thinned
from budget_ledger.domain.policy import policies_of
from flyball.schemas.registry import SystemSpec

POLICIES = policies_of(SystemSpec(system="support"), 1)
HOUR = timedelta(hours=1)
NOW = START + 3 * HOUR


def budget(dimension: str, granted: int, burned: int) -> Budget:
    fresh = new_books()[BudgetId("default", "support", dimension)].budget
    return replace(fresh, window=Sums(granted=granted, burned=burned))


def test_the_last_hours_say_how_fast_it_goes_and_when_it_is_gone() -> None:
    hours = {START: Sums(granted=900), START + 2 * HOUR: Sums(granted=50, burned=100), NOW: Sums(granted=50)}
    shown = pace(budget("accuracy", 1_000, 100), POLICIES["accuracy"], hours, NOW)
    assert (shown.seconds, shown.granted, shown.burned, shown.burn_rate) == (3_600, 100, 100, 1.0)
    assert shown.exhausted_at is None
    faster = pace(budget("accuracy", 1_000, 200), POLICIES["accuracy"], {NOW - HOUR: Sums(0, 200)}, NOW)
    assert (faster.burn_rate, faster.exhausted_at) == (None, NOW + 4 * HOUR)


def test_without_hours_nothing_is_said() -> None:
    shown = pace(budget("accuracy", 0, 0), POLICIES["accuracy"], {}, NOW)
    assert (shown.seconds, shown.burn_rate, shown.exhausted_at) == (0, None, None)


def test_time_is_granted_as_a_whole_so_its_share_is_what_may_be_spent() -> None:
    plan = POLICIES["availability"].plan_grant()
    shown = pace(budget("availability", plan, plan // 10), POLICIES["availability"], {NOW - HOUR: Sums(0, 36)}, NOW)
    assert shown.granted == plan // 720
    assert shown.burn_rate == 36 / (plan // 720)


def test_spans_are_added_up_until_they_are_few_enough() -> None:
    spans = [Spent(START + n * HOUR, n, 1) for n in reversed(range(10))]
    few = thinned(spans, 4)
    assert [span.at for span in few] == [START, START + 3 * HOUR, START + 6 * HOUR, START + 9 * HOUR]
    assert (sum(s.granted for s in few), sum(s.burned for s in few)) == (45, 10)
    assert thinned([], 4) == []
