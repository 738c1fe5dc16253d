"""How levels move: down at once and by themselves, up only by people; and every move can be made again."""

from datetime import timedelta

import pytest
from autonomy_builders import EMPTY, START, circumstances, classes_at, request, revision, spec
from hypothesis import given
from hypothesis import strategies as st

from autonomy_controller.domain import standings
from autonomy_controller.domain.actions import decide
from autonomy_controller.domain.audit import decided_again, level_name, of_level
from autonomy_controller.domain.changes import (
    BudgetsRed,
    Change,
    DriftChanged,
    EpochSeen,
    Killed,
    Lowered,
    Promoted,
    Released,
    applied,
)
from autonomy_controller.domain.promotions import evidence_of, gates
from autonomy_controller.domain.state import ClassState, Standing
from flyball.schemas.budgets import BudgetStatement, BudgetStates
from flyball.schemas.drift import DriftEvidence, DriftReport
from flyball.schemas.telemetry import TelemetryException

KEY = ("default", "support", "orders")


def budgets(**zones: str) -> BudgetStates:
    statements = tuple(
        BudgetStatement(
            dimension=name,
            zone=zone,
            target_ppm=950_000,
            weight_milli=1_000,
            granted=1,
            burned=0,
            available=1,
            remaining_ppm=None,
            policy_version=1,
            zone_since=None,
            entry=None,
        )
        for name, zone in zones.items()
    )
    worst = "red" if "red" in zones.values() else "green"
    return BudgetStates(tenant="default", system="support", as_of=START, cause="test", worst=worst, budgets=statements)


def report(severity: str, state: str = "drift", episode: str = "basket/1") -> DriftReport:
    return DriftReport(
        tenant="default",
        system="support",
        feature="basket",
        type="data",
        episode=episode,
        state=state,
        severity=severity,
        evidence=DriftEvidence(statistic=1.0, threshold=1.0, panes=3, dispersion=1.0),
        effects=(),
        changed_at=None,
        pane_start=START,
        reference_version=1,
        policy_version=1,
    )


def level(state: ClassState) -> int:
    return decide(request(), circumstances({"orders": state})).decided.level


def at(declared: int) -> ClassState:
    return applied(
        EpochSeen(evidence_epoch="release 2.1.0", release="2.1.0"), classes_at(declared)["orders"], KEY, START
    )


def test_each_red_budget_takes_one_level_once() -> None:
    standing, state = EMPTY, at(3)
    for zones, expected in [
        ({"accuracy": "green"}, 3),
        ({"accuracy": "red"}, 2),
        ({"accuracy": "red"}, 2),
        ({"accuracy": "red", "safety": "red"}, 1),
        ({"accuracy": "yellow", "safety": "red"}, 1),
        ({"accuracy": "red", "safety": "red"}, 0),
        ({"accuracy": "green"}, 0),
    ]:
        standing, change = standings.with_budgets(standing, budgets(**zones))
        state = applied(change, state, KEY, START) if change else state
        assert level(state) == expected, zones


def test_a_person_lowers_a_class_and_raises_nothing() -> None:
    lowered = applied(Lowered(level=1, person="user:a", reason="odd refunds"), at(3), KEY, START)
    assert (level(lowered), lowered.control.reason) == (1, "lowered by user:a: odd refunds")
    assert applied(Lowered(level=2, person="user:a", reason="x"), lowered, KEY, START) == lowered


def test_drift_by_severity() -> None:
    standing, state = EMPTY, at(4)
    for event, expected, anomalies in [
        (report("low"), 4, 0),
        (report("medium"), 4, 1),
        (report("high"), 1, 1),
        (report("none", "recovered"), 4, 0),
        (report("critical", "suspect"), 1, 1),
        (report("none", "recovered"), 4, 0),
        (report("critical"), 0, 1),
        (report("critical"), 0, 1),
        (report("none", "recovered"), 0, 0),
    ]:
        standing, change = standings.with_drift(standing, event)
        state = applied(change, state, KEY, START)
        assert (level(state), len(state.control.anomalies)) == (expected, anomalies)


def test_at_l3_open_drift_asks_a_person() -> None:
    _, change = standings.with_drift(EMPTY, report("medium"))
    decided = decide(request(), circumstances({"orders": applied(change, at(3), KEY, START)})).decided
    assert (decided.verdict, decided.rule) == ("require_approval", "anomaly")


@pytest.mark.parametrize(("first", "second", "expected"), [(3, 1, 1), (1, 3, 1), (2, 2, 2)])
def test_a_spec_lowers_at_once_and_raises_nobody_who_has_acted(first: int, second: int, expected: int) -> None:
    change = standings.spec_of(revision(2, spec(second)), "orders", EMPTY)
    assert level(applied(change, at(first), KEY, START)) == expected


def test_before_its_first_action_a_class_starts_where_the_newest_spec_says() -> None:
    change = standings.spec_of(revision(2, spec(3)), "orders", EMPTY)
    assert level(applied(change, classes_at(1)["orders"], KEY, START)) == 3


def test_a_class_that_is_no_longer_declared_needs_a_person() -> None:
    without = spec(3).model_copy(update={"autonomy": spec(3).autonomy.model_copy(update={"action_classes": {}})})
    assert level(applied(standings.spec_of(revision(2, without), "orders", EMPTY), at(3), KEY, START)) == 0


def test_a_new_name_is_no_way_out_of_trouble() -> None:
    red = Standing(tenant="default", system="support", red=("accuracy",), episodes={"basket/1": "critical"})
    assert level(applied(standings.spec_of(revision(1, spec(4)), "orders", red), None, KEY, START)) == 0


def test_a_revision_takes_effect_when_it_says() -> None:
    revisions = (revision(1, spec(1), START), revision(2, spec(0), START + timedelta(minutes=1)))
    assert standings.in_force(revisions, START).version == 1
    assert standings.next_revision_at(revisions, START) == START + timedelta(minutes=1)
    assert standings.in_force(revisions, START + timedelta(minutes=1)).version == 2
    assert standings.next_revision_at(revisions, START + timedelta(minutes=1)) is None


CHANGES = st.one_of(
    st.builds(
        EpochSeen, evidence_epoch=st.sampled_from("abcdefghij"), release=st.sampled_from(["1.0.0", "2.0.0", "x"])
    ),
    st.builds(BudgetsRed, dimensions=st.just(("accuracy",))),
    st.builds(
        DriftChanged,
        episodes=st.dictionaries(st.sampled_from("ab"), st.sampled_from(["medium", "high", "critical"])),
        critical=st.none() | st.just("basket"),
    ),
    st.builds(Killed, reason=st.just("killed: stop")),
    st.builds(Lowered, level=st.integers(0, 3), person=st.just("user:a"), reason=st.just("odd")),
    st.builds(Released, person=st.sampled_from(["user:a", "user:b"])),
    st.integers(0, 4).map(lambda level: standings.spec_of(revision(7, spec(level)), "orders", EMPTY)),
)


@given(st.integers(0, 4), st.lists(CHANGES, max_size=12))
def test_nothing_but_people_raises_a_level_and_every_change_is_made_again(start: int, changes: list[Change]) -> None:
    state = at(start)
    for change in changes:
        after = applied(change, state, KEY, START)
        known = {epoch.evidence_epoch: epoch.level for epoch in state.control.levels}
        for epoch in after.control.levels:
            highest = max([*known.values(), state.control.starting_level])
            assert epoch.level <= known.get(epoch.evidence_epoch, highest)
        record = of_level(state, after, change, "test", "service:test")
        assert decided_again(record.kind, record.inputs) == record.decision == level_name(after)
        state = after


@given(st.lists(CHANGES, max_size=12))
def test_what_was_killed_runs_again_only_after_two_people_agreed(changes: list[Change]) -> None:
    state = applied(Killed(reason="stop"), at(4), KEY, START)
    people: set[str] = set()
    for change in changes:
        if isinstance(change, Killed):
            people = set()
        if isinstance(change, Released) and change.person not in state.released_by and state.control.latched:
            people.add(change.person)
            state = applied(change, state, KEY, START)
        elif not isinstance(change, Released):
            state = applied(change, state, KEY, START)
        if len(people) < 2 and state.control.latched:
            assert decide(request(), circumstances({"orders": state})).decided.verdict == "deny"
        if not state.control.latched:
            assert level(state) == 0 or any(isinstance(one, Promoted) for one in changes)
            break


def test_a_record_that_is_read_late_is_newer_than_what_holds() -> None:
    """It was kept back by its partition while a person stopped the class: agents must take what came of it."""
    killed = applied(Killed(reason="killed: stop"), classes_at(3)["orders"], KEY, START + timedelta(seconds=10))
    after = applied(EpochSeen(evidence_epoch="e2", release="2.2.0"), killed, KEY, START)
    assert after.control.killed
    assert after.control.changed_at > killed.control.changed_at


def test_a_quarantined_feed_holds_promotions_back_and_takes_nothing_away() -> None:
    standing = EMPTY
    for kind, holds in [("feed.quarantined", "no"), ("pii.detected", "no"), ("feed.released", "yes")]:
        event = TelemetryException(
            tenant="default", system="support", kind=kind, field="latency_ms", detail="-", count=1, seen_at=START
        )
        standing, change = standings.with_exception(standing, event)
        judged = {gate.name: gate.holds for gate in gates(evidence_of(2, [], {}), at(2), standing)}
        assert (judged["feed_trusted"], change) == (holds, None)
