"""The worked examples of error budgeting, to the unit."""

from datetime import timedelta

import pytest
from ledger_builders import START, budget, play, summary

from budget_ledger.domain.explain import burn_rate
from budget_ledger.domain.policy import policies_of
from flyball.schemas.registry import ACCURACY, AVAILABILITY, SAFETY, SystemSpec

POLICIES = policies_of(SystemSpec(system="support"), 0)


def test_one_bad_in_ten_thousand_at_95_percent_leaves_99_8_and_burns_at_0_002() -> None:
    state = budget(play([summary(judged=(9_999, 1))]), ACCURACY)
    assert (state.window.granted, state.window.burned) == (500_000_000, 1_000_000)
    assert state.remaining_ppm == 998_000
    assert burn_rate(state, POLICIES[ACCURACY]) == pytest.approx(0.002)


def test_99_9_percent_of_30_days_is_43_2_minutes() -> None:
    assert POLICIES[AVAILABILITY].plan_grant() / 60_000_000 == pytest.approx(43.2)


@pytest.mark.parametrize(("minutes_down", "used_percent", "zone"), [(12, 27.8, "velocity"), (38, 88.0, "freeze")])
def test_downtime_against_43_2_minutes(minutes_down: int, used_percent: float, zone: str) -> None:
    down = [summary(START + timedelta(minutes=n), interactions=[("timeout", 100)]) for n in range(minutes_down)]
    state = budget(play(down), AVAILABILITY)
    assert 100 * state.window.burned / state.window.granted == pytest.approx(used_percent, abs=0.05)
    assert state.zone == zone


def test_accuracy_94_2_against_95_has_used_116_percent() -> None:
    state = budget(play([summary(judged=(942, 58))]), ACCURACY)
    assert 100 * state.window.burned / state.window.granted == pytest.approx(116)
    assert state.balances.available == -8_000_000
    assert state.zone == "red"


@pytest.mark.parametrize(("share_of_budget", "hours", "rate"), [(0.02, 1, 14.4), (0.05, 6, 6.0), (0.10, 72, 1.0)])
def test_burn_rates_of_30_days(share_of_budget: float, hours: int, rate: float) -> None:
    """Steady traffic: the share of the month's budget spent in so many hours is that share x 720 / hours."""
    events_per_hour = 10_000
    bad = round(share_of_budget * events_per_hour * 720 * 0.05)
    state = budget(play([summary(judged=(events_per_hour * hours - bad, bad))]), ACCURACY)
    assert burn_rate(state, POLICIES[ACCURACY]) == pytest.approx(rate)


def test_a_weight_is_a_tightened_target() -> None:
    """Safety at 99.9 % with weight 20 is used up exactly where 99.995 % with weight 1 is."""
    state = budget(play([summary(attacks=(19_999, 1))]), SAFETY)
    assert state.window.burned == state.window.granted == 20_000_000


def test_a_judged_event_stands_for_the_unjudged_ones() -> None:
    state = budget(play([summary(judged=(90, 10), sampling_ppm=100_000)]), ACCURACY)
    assert (state.window.granted, state.window.burned) == (100 * 500_000, 10 * 10_000_000)
