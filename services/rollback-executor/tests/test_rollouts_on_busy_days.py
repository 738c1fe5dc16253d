"""A bad candidate is found however late telemetry comes, and whichever users the hash picked for it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from rollout_builders import BASELINE, CANDIDATE, START, World, changed_policy, fresh, seen

from rollback_executor.domain.blocks import Observed
from rollback_executor.domain.rollout import STAGES

POLICY = changed_policy(candidate_interactions_min=200)
REQUESTS_PER_SECOND = 80
UNITS = 4_000


def requests(candidate_units: int, lag_seconds: float, bad: int) -> Iterator[tuple[Observed, Observed]]:
    """Five minutes: every unit asks as often as the others, and the candidate fails in ``bad`` of three requests."""
    for second in range(300):
        at = START + timedelta(seconds=second)
        candidate = (second + 1) * REQUESTS_PER_SECOND * candidate_units // UNITS
        candidate -= second * REQUESTS_PER_SECOND * candidate_units // UNITS
        recorded_at = at + timedelta(seconds=lag_seconds)
        yield (
            replace(seen(_bucket(at), BASELINE, REQUESTS_PER_SECOND - candidate), recorded_at=recorded_at),
            replace(seen(_bucket(at), CANDIDATE, candidate, candidate * bad // 3), recorded_at=recorded_at),
        )


def played(candidate_units: int, lag_seconds: float, bad: int = 1) -> World:
    world = fresh(POLICY).start()
    for both in requests(candidate_units, lag_seconds, bad):
        world.traffic(*both)
        if world.rollout.step not in STAGES:
            break
    return world


@pytest.mark.parametrize("lag_seconds", [0.2, 15, 45, 600])
def test_it_is_found_however_far_telemetry_lags(lag_seconds: float) -> None:
    """Closed by append time, blocks of telemetry that lags by more than 30 s were all late, and nothing was judged."""
    world = played(UNITS // 20, lag_seconds)
    assert world.rollout.step == "rolling_back"
    assert world.rollout.gathering.late_interactions == 0
    assert world.now - START < timedelta(seconds=150 + lag_seconds)


@pytest.mark.parametrize("candidate_units", [170, 200, 230])
def test_it_is_found_whatever_users_the_hash_picked(candidate_units: int) -> None:
    """A hash gives 200 of 4,000 units only on average. 230 were a wrong split when each request was thought a unit."""
    assert played(candidate_units, 0.2).rollout.step == "rolling_back"


@pytest.mark.parametrize("candidate_units", [100, 300])
def test_a_split_that_no_hash_makes_holds(candidate_units: int) -> None:
    world = played(candidate_units, 0.2, bad=0)
    assert world.rollout.hold is not None
    assert "not split as planned" in world.rollout.hold.reason


def _bucket(at: datetime) -> datetime:
    return at.replace(second=at.second // 10 * 10, microsecond=0)
