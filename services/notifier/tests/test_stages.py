"""Each stage for itself."""

from dataclasses import replace

import pytest
from notifier_builders import START, after, alert, answered

from flyball.schemas.alerts import WireSeverity
from notifier.domain import clocks, deliver, group
from notifier.domain.board import Delivery, KnownAlert
from notifier.domain.deduplicate import sighting
from notifier.domain.inhibit import inhibitions
from notifier.domain.inputs import DeliveryKey
from notifier.domain.matchers import checked, labels_of, matches
from notifier.domain.policy import InhibitRule, Matcher, Policy, Route, Step
from notifier.domain.route import group_key, route_of
from notifier.domain.severity import from_wire, to_wire

POLICY = Policy()
KEY = DeliveryKey("i", 1, "on-call+0s", "trigger", "pagerduty", "on-call")


def known(began: float = 0, ended: float | None = None, severity: int = 1) -> KnownAlert:
    return KnownAlert(
        alert(began=began, severity=severity), "g", "g", START, ended_at=None if ended is None else after(ended)
    )


@pytest.mark.parametrize(
    ("before", "comes", "expected"),
    [
        (None, alert(), "new"),
        (None, alert(ended=5), "unknown"),
        (known(), alert(), "repeated"),
        (known(), alert(severity=0), "changed"),
        (known(), alert(ended=5), "ended"),
        (known(began=10), alert(began=0, severity=0), "stale"),
        (known(began=10), alert(began=0, ended=5), "stale"),
        (known(ended=5), alert(), "stale"),
        (known(ended=5), alert(began=6), "new"),
        (known(ended=5), alert(ended=5), "repeated"),
    ],
)
def test_what_is_news(before: KnownAlert | None, comes: object, expected: str) -> None:
    assert sighting(before, comes) == expected  # type: ignore[arg-type]


def test_the_first_route_that_takes_an_alert_has_it() -> None:
    special = Route(name="special", matchers=(Matcher(name="market", operation="=~", value="d[ek]"),), group_by=())
    policy = Policy(routes=(special, Route(name="rest")))
    labels = labels_of(alert(market="de"))
    assert route_of(labels, policy).name == "special"
    assert group_key(special, labels) == "special/"
    assert route_of(labels_of(alert(market="den")), policy).name == "rest"
    assert group_key(policy.last_route, labels) == "rest/system=support,rule=budget.zone"


@pytest.mark.parametrize(
    ("operation", "value", "expected"),
    [("=", "support", True), ("!=", "support", False), ("=~", "sup", False), ("=~", "sup.*", True), ("!~", "x", True)],
)
def test_matchers(operation: str, value: str, expected: bool) -> None:
    matcher = Matcher(name="system", operation=operation, value=value)  # type: ignore[arg-type]
    assert matches([matcher], labels_of(alert())) is expected


def test_a_label_that_is_missing_is_empty() -> None:
    assert matches([Matcher(name="market", value="")], labels_of(alert()))
    assert matches([Matcher(name="market", operation="!=", value="de")], labels_of(alert()))


@pytest.mark.parametrize("value", ["(a+)+", "(a|b)*", "a*b*c*d*", "(", "a" * 300, "(?:a)b"])
def test_costly_expressions_are_refused(value: str) -> None:
    with pytest.raises(ValueError, match="expression"):
        checked(Matcher(name="system", operation="=~", value=value))


def test_a_severity_without_its_scheme_is_refused() -> None:
    with pytest.raises(ValueError, match="scheme"):
        checked(Matcher(name="severity", value="P1"))
    assert [to_wire(rank, "p1p4").value for rank in range(4)] == ["P1", "P2", "P3", "P4"]
    assert from_wire(WireSeverity(scheme="p1p4", value="P1")) == 0
    assert from_wire(WireSeverity(scheme="p0p3", value="P1")) == 1
    for scheme, value in (("p0p3", "P4"), ("p1p4", "P0")):
        with pytest.raises(ValueError, match="not in the scheme"):
            from_wire(WireSeverity(scheme=scheme, value=value))  # type: ignore[arg-type]


RULE = InhibitRule(
    source=(Matcher(name="rule", operation="=~", value="down|both"),),
    target=(Matcher(name="rule", operation="=~", value="slow|both"),),
    equal=("system",),
)


@pytest.mark.parametrize(
    ("firing", "target", "expected"),
    [
        (["down"], "slow", True),
        (["down"], "down", False),
        (["both"], "both", False),
        (["both", "both"], "both", False),
        (["both", "down"], "both", True),
        (["both"], "slow", True),
    ],
)
def test_an_alert_cannot_inhibit_itself(firing: list[str], target: str, expected: bool) -> None:
    everything = [(f"f{n}", labels_of(alert(f"f{n}", rule=rule))) for n, rule in enumerate(firing)]
    asked = alert("f0" if target == firing[0] else "t", rule=target)
    rules = inhibitions(everything, Policy(inhibit_rules=(RULE,)))
    assert rules.inhibited(asked.fingerprint, labels_of(asked)) is expected
    other = alert("t", rule=target, system="other")
    assert not rules.inhibited("t", labels_of(other))


def test_a_group_waits_then_keeps_its_interval_and_worse_news_only_waits() -> None:
    first = group.opened("g", "default", START, POLICY)
    assert group.touched(first, after(20), POLICY).due_at == after(30)
    told = group.flushed(first, after(30), POLICY, look_again=False)
    assert told.due_at is None
    assert group.touched(told, after(40), POLICY).due_at == after(330)
    assert group.touched(told, after(40), POLICY, worse=True).due_at == after(70)
    assert group.touched(told, after(900), POLICY).due_at == after(900)
    assert group.flushed(first, after(30), POLICY, look_again=True).due_at == after(330)


def test_more_than_twenty_new_groups_in_a_minute_are_a_storm() -> None:
    new: tuple[object, ...] = ()
    for number in range(21):
        new = group.with_new_group(new, after(number * 3 - 0.001), POLICY)  # type: ignore[arg-type]
        assert group.is_storm(new, POLICY) is False or number == 20  # type: ignore[arg-type]
    assert not group.is_storm(new, POLICY), "exactly a minute apart"  # type: ignore[arg-type]
    assert group.is_storm(group.with_new_group(new, after(60), POLICY), POLICY)  # type: ignore[arg-type]


def intent(severity: int = 0, **other: object) -> Delivery:
    return replace(Delivery(KEY, severity, "open", START, START, fallbacks=("slack",)), **other)  # type: ignore[arg-type]


def test_pauses_grow_with_full_jitter_and_end_with_the_response_time() -> None:
    delivery, at, pauses = intent(), 0.0, []
    while delivery.state == "open":
        ended = deliver.after(delivery, replace(answered(KEY, "failed", at), jitter=0.999999), POLICY)
        delivery = ended.delivery
        pause = (delivery.not_before - after(at)).total_seconds()
        pauses.append(pause)
        at += pause
    assert [round(pause) for pause in pauses[:-1]] == [2, 4, 8, 16, 32, 64, 128, 256, 300]
    assert sum(pauses[:-1]) <= 900
    assert ended.gave_up
    assert ended.instead is not None
    assert (ended.instead.key.channel, ended.instead.fallbacks) == ("slack", ())
    assert deliver.after(
        intent(), replace(answered(KEY, "failed", 0), jitter=0.0), POLICY
    ).delivery.not_before == after(1)


def test_a_provider_says_when_to_come_back() -> None:
    ended = deliver.after(intent(), answered(KEY, "later", 10, retry_after_seconds=47.0), POLICY)
    assert ended.delivery.not_before == after(57)
    too_late = deliver.after(intent(), answered(KEY, "later", 10, retry_after_seconds=901.0), POLICY)
    assert too_late.delivery.state == "dead"


def test_an_answer_to_what_was_taken_back_is_kept_and_starts_nothing() -> None:
    taken_back = deliver.cancelled(intent(), "not needed")
    assert deliver.after(taken_back, answered(KEY, "delivered", 1), POLICY).delivery.state == "delivered"
    refused = deliver.after(taken_back, answered(KEY, "refused", 1), POLICY)
    assert (refused.delivery.state, refused.instead) == ("cancelled", None)


def test_raising_the_severity_only_brings_clocks_forward() -> None:
    mild, worse = clocks.due_from(START, 3, POLICY), clocks.due_from(START, 0, POLICY)
    assert clocks.earlier(mild, worse) == worse == clocks.earlier(worse, mild)
    assert worse["response"] == after(900)
    assert clocks.due_after(START)["post_mortem"] == after(86_400)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Policy(routes=()),
        lambda: Policy(routes=(Route(name="x", matchers=(Matcher(name="a", value="b"),)),)),
        lambda: Policy(routes=(Route(name="x"), Route(name="x"))),
        lambda: Policy(wait_seconds=-1),
        lambda: Policy(interval_seconds=0),
        lambda: Policy(storm_groups_per_minute_max=0),
        lambda: Step(target="ada", channels=("pigeon",)),
        lambda: Step(target="ada", channels=()),
        lambda: Route(name="x", steps=(Step(target="a", channels=("slack",)), Step(target="a", channels=("slack",)))),
    ],
)
def test_policies_that_cannot_hold_are_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match=r".+"):
        wrong()  # type: ignore[operator]
