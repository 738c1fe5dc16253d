"""The stages together: who is told what, when, and in which epoch."""

from dataclasses import replace

from notifier_builders import (
    POLICY,
    actions,
    after,
    alert,
    answered,
    ends,
    fires,
    only,
    played,
    seen,
    settled,
    tick,
    triggers,
)

from notifier.domain.inputs import Acknowledged, MovedOn, Silence, SilenceEnded, SilenceSet
from notifier.domain.policy import InhibitRule, Matcher, Policy, Route, Step


def silence(start: float, end: float, **labels: str) -> SilenceSet:
    matchers = tuple(Matcher(name=name, value=value) for name, value in labels.items())
    return SilenceSet(Silence("s", matchers, after(start), after(end), "ada", "maintenance"), after(start))


def acknowledged(incident: str, at: float) -> Acknowledged:
    return Acknowledged(incident, "user:ada", after(at))


def test_nobody_is_told_before_the_wait_and_each_step_once_after_it() -> None:
    board, outcome = played(fires(0), tick(29))
    assert not board.incidents
    assert board.soonest == after(30)
    board, outcome = played(tick(30), tick(31), tick(60), board=board)
    assert [change.change for change in outcome.changes] == ["opened"]
    assert {(each.key.step, each.key.channel) for each in triggers(board)} == {
        ("on-call+0s", "pagerduty"),
        ("room+0s", "slack"),
        ("receiver+0s", "alertmanager"),
    }
    assert [(record.decision, record.policy_version) for record in outcome.audits] == [("page", 0)]


def test_alerts_that_belong_together_are_told_together() -> None:
    board, _ = played(fires(0, "a"), fires(5, "b"), fires(29, "c", severity=0), tick(30))
    incident = only(board)
    assert (incident.severity, len(incident.fingerprints), incident.epoch) == (0, 3, 1)
    assert incident.title == "c of support is bad (and 2 more)"


def test_another_rule_of_the_system_joins_its_open_incident_without_a_page() -> None:
    board, _ = played(fires(0), tick(30), fires(100, "b", rule="drift.feature"))
    told = len(board.deliveries)
    board, outcome = played(tick(130), board=board)
    assert [change.change for change in outcome.changes] == ["alert_added"]
    assert only(board).epoch == 1
    assert len(board.deliveries) == told
    assert [record.decision for record in outcome.audits] == ["no_page"]


def test_what_ends_within_the_wait_pages_nobody_and_says_so() -> None:
    board, outcome = played(fires(0), ends(20), tick(30), tick(400))
    assert not board.incidents
    assert not board.groups
    assert [(record.decision, record.reason) for record in outcome.audits] == [
        ("no_page", "it ended before anybody was told that it began")
    ]


def test_the_end_of_the_last_alert_tells_everybody_who_was_told() -> None:
    board, _ = played(fires(0, "a"), fires(1, "b"), tick(30))
    settled(board, 31)
    board, _ = played(ends(100, "a"), board=board)
    assert only(board).open
    board, outcome = played(ends(110, "b", began=1), board=board)
    assert only(board).state == "resolved"
    assert outcome.changes[-1].change == "resolved"
    assert {each.key.channel for each in actions(board, "resolve")} == {"pagerduty", "slack", "alertmanager"}


def test_a_page_that_was_not_sent_yet_is_taken_back() -> None:
    board, _ = played(fires(0), tick(30), ends(40))
    assert {each.state for each in triggers(board)} == {"cancelled"}
    # It may be on its way: the sender knows, and drops the follow-up if it is not.
    assert len(actions(board, "resolve")) == 3


def test_firing_again_soon_is_the_same_incident_in_a_new_epoch_and_later_a_new_one() -> None:
    board, _ = played(fires(0), tick(30), ends(100), fires(100 + 899), tick(1_100))
    assert (only(board).epoch, only(board).state) == (2, "investigating")
    assert len(triggers(board, 2)) == 3
    board, _ = played(ends(2_000, began=999), fires(2_000 + 901), tick(3_000), board=board)
    assert sorted(incident.epoch for incident in board.incidents.values()) == [1, 2]


def test_in_an_acknowledged_incident_news_is_a_new_epoch_and_the_same_or_less_is_not() -> None:
    board, _ = played(fires(0), tick(30))
    settled(board, 31)
    identity = only(board).id
    board, _ = played(acknowledged(identity, 60), board=board)
    assert (only(board).state, only(board).acknowledged_by) == ("triaged", "user:ada")
    assert {each.key.channel for each in actions(board, "acknowledge")} == {"pagerduty", "slack"}
    board, _ = played(seen(100, alert("a", severity=2)), tick(500), board=board)
    assert only(board).epoch == 1
    board, outcome = played(fires(600, "b"), tick(900), board=board)
    assert (only(board).epoch, only(board).acknowledged_at) == (2, None)
    assert "new_epoch" in [change.change for change in outcome.changes]
    board, _ = played(acknowledged(identity, 950), seen(1_000, alert("a", severity=0)), tick(1_030), board=board)
    assert (only(board).epoch, only(board).severity) == (3, 0)
    assert len(triggers(board, 3)) == 3


def test_an_acknowledgement_of_the_worst_severity_lapses() -> None:
    board, _ = played(fires(0, severity=0), tick(30))
    board, _ = played(acknowledged(only(board).id, 60), tick(60 + 1_799), board=board)
    assert only(board).epoch == 1
    board, outcome = played(tick(60 + 1_800), board=board)
    assert (only(board).epoch, outcome.changes[-1].change) == (2, "acknowledgement_expired")
    assert len(triggers(board, 2)) == 3


def test_what_nobody_acknowledges_is_told_again_after_four_hours() -> None:
    board, _ = played(fires(0), tick(30), tick(30 + 14_399))
    assert only(board).epoch == 1
    board, outcome = played(tick(30 + 14_400), board=board)
    assert (only(board).epoch, outcome.changes[-1].change) == (2, "repeated")


CHAIN = Route(
    name="default",
    steps=(
        Step(target="ada", channels=("pagerduty",)),
        Step(target="ben", channels=("pagerduty",), wait_seconds=300),
        Step(target="boss", channels=("slack",), wait_seconds=900, severity_max=0),
    ),
)


def test_steps_are_taken_until_somebody_acknowledges() -> None:
    policy = Policy(routes=(CHAIN,))
    board, _ = played(fires(0), tick(30), tick(329), policy=policy)
    assert [each.key.target for each in triggers(board)] == ["ada"]
    board, _ = played(tick(330), tick(2_000), board=board, policy=policy)
    assert [each.key.target for each in triggers(board)] == ["ada", "ben"]
    again, _ = played(fires(0), tick(30), policy=policy)
    again, _ = played(acknowledged(only(again).id, 60), tick(5_000), board=again, policy=policy)
    assert [each.key.target for each in triggers(again)] == ["ada"]


def test_a_raised_severity_adds_steps_within_the_epoch() -> None:
    policy = Policy(routes=(CHAIN,))
    board, _ = played(fires(0), tick(30), tick(1_000), board=None, policy=policy)
    board, outcome = played(seen(1_001, alert("a", severity=0)), tick(1_031), board=board, policy=policy)
    assert [each.key.target for each in triggers(board, 1)] == ["ada", "ben", "boss"]
    assert [change.change for change in outcome.changes] == ["severity_raised"]


def test_a_silence_holds_back_and_its_end_lets_through() -> None:
    board, outcome = played(silence(0, 600, system="support"), fires(1), tick(31), tick(331))
    assert not board.incidents
    assert outcome.audits[-1].reason == "silenced by ada: maintenance"
    board, _ = played(tick(631), board=board)
    assert only(board).epoch == 1


def test_a_silence_that_a_person_ends_lets_through() -> None:
    board, _ = played(silence(0, 6_000, system="support"), fires(1), tick(31))
    board, _ = played(SilenceEnded("s", "ben", after(100)), tick(331), board=board)
    assert only(board).epoch == 1


def test_a_resolve_and_an_acknowledgement_pass_a_silence() -> None:
    board, _ = played(fires(0), tick(30))
    settled(board, 31)
    board, _ = played(silence(40, 9_000, system="support"), acknowledged(only(board).id, 50), board=board)
    assert len(actions(board, "acknowledge")) == 2
    board, _ = played(ends(60), board=board)
    assert len(actions(board, "resolve")) == 3


def test_in_a_silence_no_further_step_is_taken_and_after_it_they_are() -> None:
    policy = Policy(routes=(CHAIN,))
    board, _ = played(fires(0), tick(30), silence(40, 1_000, system="support"), tick(400), policy=policy)
    assert [each.key.target for each in triggers(board)] == ["ada"]
    board, _ = played(tick(1_300), board=board, policy=policy)
    assert [each.key.target for each in triggers(board)] == ["ada", "ben"]


def test_something_worse_inhibits_what_follows_from_it() -> None:
    rule = InhibitRule(
        source=(Matcher(name="severity", value="0"),),
        target=(Matcher(name="severity", operation="!=", value="0"),),
        equal=("system",),
    )
    policy = replace(POLICY, inhibit_rules=(rule,))
    inputs = (fires(0, "down", severity=0, rule="up"), fires(1, "slow"), fires(1, "other", system="search"), tick(31))
    board, outcome = played(*inputs, policy=policy)
    assert {incident.fingerprints for incident in board.incidents.values()} == {("down",), ("other",)}
    assert "inhibited by something worse that fires" in [record.reason for record in outcome.audits]
    board, _ = played(ends(100, "down", severity=0, rule="up"), tick(400), board=board, policy=policy)
    assert ("slow",) in {incident.fingerprints for incident in board.incidents.values()}


def test_a_person_resolves_and_the_alert_may_fire_anew() -> None:
    board, _ = played(fires(0), tick(30))
    board, _ = played(MovedOn(only(board).id, "resolved", "user:ada", after(60)), board=board)
    assert not only(board).open
    assert not board.alerts
    board, _ = played(seen(100, alert("a")), tick(400), board=board)
    assert only(board).epoch == 2


def test_states_are_walked_forward_only() -> None:
    board, _ = played(fires(0), tick(30))
    identity = only(board).id
    for number, state in enumerate(("investigating", "triaged", "mitigated", "closed")):
        board, _ = played(MovedOn(identity, state, "user:ada", after(60 + number)), board=board)  # type: ignore[arg-type]
    assert only(board).state == "closed"
    assert set(only(board).reached) == {"detected", "investigating", "mitigated", "resolved", "closed"}


def test_a_failing_channel_gives_way_to_the_next_and_flyball_alerts_about_itself_once() -> None:
    board, _ = played(fires(0), tick(30))
    page = next(each.key for each in triggers(board) if each.key.channel == "pagerduty")
    board, outcome = played(answered(page, "refused", 31), board=board)
    assert board.deliveries[page].state == "dead"
    assert board.deliveries[replace(page, channel="slack")].state == "open"
    (about,) = outcome.alerts
    assert (about.system, about.status, about.fingerprint) == (
        "flyball",
        "firing",
        "notifier.delivery/pagerduty/on-call",
    )
    board, outcome = played(fires(40, "z", system="other"), tick(70), board=board)
    second = [each.key for each in triggers(board) if each.key.channel == "pagerduty" and each.state == "open"]
    board, outcome = played(answered(second[0], "refused", 71), board=board)
    assert not outcome.alerts
    board, _ = played(fires(80, "y", system="third"), tick(110), board=board)
    third = [each.key for each in triggers(board) if each.key.channel == "pagerduty" and each.state == "open"]
    board, outcome = played(answered(third[0], "delivered", 111), board=board)
    assert [each.status for each in outcome.alerts] == ["resolved"]


def test_nobody_who_could_not_be_told_is_told_of_the_end() -> None:
    board, _ = played(fires(0), tick(30))
    page = next(each.key for each in triggers(board) if each.key.channel == "pagerduty")
    board, _ = played(answered(page, "refused", 31), ends(50), board=board)
    assert {(each.key.channel, each.key.target) for each in actions(board, "resolve")} == {
        ("slack", "on-call"),
        ("slack", "room"),
        ("alertmanager", "receiver"),
    }
