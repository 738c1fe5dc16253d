"""Bad news needs evidence, good news needs time, and no data is neither."""

from datetime import timedelta
from fractions import Fraction

import pytest
from ledger_builders import START, budget, play, summary

from budget_ledger.domain.policy import MODES, QUALITY, Thresholds
from budget_ledger.domain.zones import rank
from flyball.schemas.registry import ACCURACY, AVAILABILITY, SAFETY

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("percent", "thresholds", "expected"),
    [
        (Fraction("75.0001"), QUALITY, 0),
        (Fraction("75.0"), QUALITY, 1),
        (Fraction("50.0"), QUALITY, 1),
        (Fraction("49.9999"), QUALITY, 2),
        (Fraction("50.0001"), MODES, 0),
        (Fraction("50.0"), MODES, 1),
        (Fraction("20.0"), MODES, 1),
        (Fraction("19.9999"), MODES, 2),
    ],
)
def test_the_edges_belong_to_the_middle(percent: Fraction, thresholds: Thresholds, expected: int) -> None:
    assert rank(percent / 100, thresholds) == expected


def test_no_data_too_little_data_and_enough() -> None:
    assert budget(play([summary(interactions=[("ok", 10)])]), ACCURACY).zone == "no_data"
    assert budget(play([summary(judged=(20, 9))]), ACCURACY).zone == "insufficient_data"
    assert budget(play([summary(judged=(30, 0))]), ACCURACY).zone == "green"
    assert budget(play([summary(judged=(30, 0))]), AVAILABILITY).remaining_ppm is None


def test_a_worse_zone_waits_for_its_bound() -> None:
    """1 bad of 50: 40 % of the budget is used by the estimate, but the 80 % bound says no more than 9 %."""
    assert budget(play([summary(judged=(49, 1))]), ACCURACY).zone == "green"
    assert budget(play([summary(judged=(4_900, 100))]), ACCURACY).zone == "yellow"


def test_a_budget_that_is_gone_is_red_at_once() -> None:
    assert budget(play([summary(attacks=(0, 1))]), SAFETY).zone == "red"


def test_a_worse_zone_is_left_after_five_points_for_a_day() -> None:
    bad = summary(START, judged=(4_850, 150))
    better = [summary(START + HOUR * n, judged=(1_000, 0)) for n in range(1, 40)]
    zones = [budget(play([bad, *better[:n]]), ACCURACY).zone for n in range(1, 40)]
    first_better = next(
        n for n in range(1, 40) if (budget(play([bad, *better[:n]]), ACCURACY).remaining_ppm or 0) >= 550_000
    )
    assert zones[0] == "red"
    assert set(zones[: first_better + 22]) == {"red"}
    assert zones[first_better + 24] != "red"


def test_falling_back_starts_the_day_again() -> None:
    recovering = [summary(START, judged=(4_850, 150))]
    recovering += [summary(START + HOUR * n, judged=(1_000, 0)) for n in range(1, 20)]
    state = budget(play(recovering), ACCURACY)
    assert state.improving_since is not None
    relapse = summary(START + HOUR * 20, judged=(0, 400))
    assert budget(play([*recovering, relapse]), ACCURACY).improving_since is None
