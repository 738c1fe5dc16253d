"""Alerts: one for each state of a budget, and its end."""

from datetime import timedelta

from ledger_builders import START, play, summary

from flyball.schemas.registry import Owners, SystemRevision, SystemSpec

HOUR = timedelta(hours=1)


def said(outcome: object) -> list[tuple[str, int, str]]:
    alerts = outcome.alerts  # type: ignore[attr-defined]
    return [(alert.status, alert.severity, alert.labels["zone"]) for alert in alerts]


def test_no_zone_and_the_best_zone_are_nothing_to_tell() -> None:
    assert said(play([summary(judged=(20, 9)), summary(judged=(2_000, 0))])) == []


def test_each_worse_zone_is_told_once_and_its_end_once() -> None:
    bad = [summary(START, judged=(4_900, 100)), summary(START + HOUR, judged=(0, 200))]
    still_bad = [summary(START + HOUR * n, judged=(0, 1)) for n in range(2, 6)]
    better = [summary(START + HOUR * n, judged=(5_000, 0)) for n in range(6, 80)]
    outcome = play([*bad, *still_bad, *better])
    assert said(outcome) == [("firing", 2, "yellow"), ("firing", 1, "red"), ("resolved", 1, "green")]
    yellow, red, over = outcome.alerts
    assert {alert.fingerprint for alert in outcome.alerts} == {"budget.zone/support/accuracy"}
    assert yellow.started_at < red.started_at == over.started_at
    assert over.ended_at is not None


def test_an_alert_says_what_was_seen_and_whom_it_concerns() -> None:
    spec = SystemSpec(system="support", owners=Owners(business="boss", operations="night\0watch"))
    revision = SystemRevision(version=3, effective_at=START, author="ada", spec=spec)
    (alert,) = play([summary(judged=(4_850, 150))], revisions=(revision,)).alerts
    assert alert.owner == "night\ufffdwatch"
    assert alert.summary == "accuracy budget of support is red: 40.0 % left"
    assert (alert.observed, alert.threshold) == ("40.0 % left of the budget, 150 bad of 5000", "50 %")
    assert (alert.window, alert.sample_size) == ("30 d", 5_000)


def test_a_system_without_an_owner_says_so() -> None:
    (alert,) = play([summary(attacks=(0, 1))]).alerts
    assert alert.owner == "nobody: the system's spec names no owner"
