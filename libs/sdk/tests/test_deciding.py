"""What an agent may do alone, by its level and by the age of its lease."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyball.schemas.autonomy import ActionRequested, LevelSet
from flyball.schemas.permission import permission
from flyball.sdk.deciding import Known, decide, decided
from flyball.sdk.guarding import readable_parameters
from flyball.sdk.lease import Lease
from flyball.sdk.levels import Levels

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
STRICTNESS = {"allow": 0, "require_approval": 1, "deny": 2}


def control(level: int, **changes: object) -> LevelSet:
    given_ = {
        "kind": "level",
        "system": "support",
        "action_class": "orders",
        "policy_version": 1,
        "starting_level": level,
        "reason": "declared",
        "changed_at": NOW,
    }
    return LevelSet.model_validate({**given_, **changes})


def request(**changes: object) -> ActionRequested:
    given_ = {
        "kind": "requested",
        "action_id": "a-1",
        "system": "support",
        "release": "1.0.0",
        "action_class": "orders",
        "operation": "order.read",
        "target": "order/1",
        "write": False,
        "confidence": 0.9,
        "deadline": NOW + timedelta(seconds=30),
        "requested_at": NOW,
    }
    return ActionRequested.model_validate({**given_, **changes})


WRITE = {"write": True, "operation": "order.cancel"}


@pytest.mark.parametrize(
    ("changes", "age", "verdict"),
    [
        ({}, 10.0, "allow"),
        (WRITE, 10.0, "allow"),
        (WRITE, 10.1, "require_approval"),
        ({"confidence": None}, 10.1, "require_approval"),
        ({}, 60.1, "allow"),
        ({}, float("inf"), "allow"),
        (WRITE, 60.1, "require_approval"),
    ],
)
def test_an_old_lease_takes_what_is_risky(changes: dict, age: float, verdict: str) -> None:
    assert decide(request(**changes), Known({"orders": control(3)}, None, age)).verdict == verdict


def test_without_any_level_everything_needs_a_person() -> None:
    assert decide(request(), Known({}, None, 0.0)).verdict == "require_approval"


@given(
    st.integers(0, 4),
    st.booleans(),
    st.none() | st.floats(0, 1),
    st.booleans(),
    st.floats(0, 1e6),
    st.floats(0, 1e6),
)
def test_an_older_lease_never_allows_more(
    level: int, write: bool, confidence: float | None, killed: bool, one: float, other: float
) -> None:
    asked, controls = request(write=write, confidence=confidence), {"orders": control(level, killed=killed)}
    younger, older = sorted([one, other])
    verdicts = [STRICTNESS[decide(asked, Known(controls, None, age)).verdict] for age in (0.0, younger, older)]
    assert verdicts == sorted(verdicts)
    assert verdicts[0] == STRICTNESS[permission(asked, controls).verdict]


def test_a_decision_names_what_it_was_about() -> None:
    known = Known({"orders": control(3)}, None, 1.0)
    made = decided(request(**WRITE), decide(request(**WRITE), known), known, NOW)
    assert (made.decided_by, made.request, made.digest) == ("sdk", request(**WRITE), request(**WRITE).digest)
    assert made.level == 3


class TestLease:
    def test_it_is_infinitely_old_before_the_first_heartbeat(self) -> None:
        assert Lease().age_seconds(1e9) == float("inf")

    @given(st.floats(-1e9, 1e9), st.lists(st.floats(0, 0.3), min_size=1, max_size=40))
    def test_the_clocks_need_not_agree(self, offset: float, delays: list[float]) -> None:
        lease, now = Lease(), 0.0
        for n, delay in enumerate(delays):
            sent, now = n * 2.0, n * 2.0 + delay
            lease.heard(sent, now + offset)
        assert lease.age_seconds(now + offset) <= 0.31
        assert lease.age_seconds(now + offset + 60) == pytest.approx(60, abs=0.5)

    def test_a_backlog_that_arrives_at_once_is_as_old_as_it_is(self) -> None:
        lease = Lease()
        for n in range(10):
            lease.heard(n * 2.0, n * 2.0)
        for n in range(10, 40):  # all of them after a pause of 200 s
            lease.heard(n * 2.0, 220.0)
            assert lease.age_seconds(220.0) >= 220 - n * 2.0 - 0.5

    def test_it_recovers_from_a_clock_that_was_set_back(self) -> None:
        lease = Lease()
        lease.heard(100.0, 0.0)
        for n in range(3_000):
            lease.heard(95.0 + n * 2.0, n * 2.0)
        assert lease.age_seconds(6_000.0) < 10


@pytest.mark.parametrize("given_", [{"a": float("nan")}, {"a": object()}, {"a": 2**60}, {"a": "x" * 70_000}, {"": 1}])
def test_arguments_that_cannot_be_written_down_are_high_risk(given_: dict) -> None:
    parameters, readable = readable_parameters(given_)
    assert not readable
    assert "unreadable_arguments" in permission(request(parameters=parameters, arguments_readable=readable), {}).risks


def test_an_old_level_that_comes_late_gives_no_autonomy_back() -> None:
    levels = Levels({})
    killed = control(0, killed=True, reason="killed", changed_at=NOW + timedelta(seconds=5))
    for record in (killed, control(3)):
        levels.take(0, b"default/support/orders", record.model_dump_json().encode(), is_live=True)
    assert levels.known("default", "support", None).controls["orders"] == killed
