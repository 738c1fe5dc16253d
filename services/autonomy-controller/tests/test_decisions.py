"""What each level lets an agent do alone."""

from datetime import timedelta

import pytest
from autonomy_builders import SALT, START, circumstances, classes_at, request
from hypothesis import given
from hypothesis import strategies as st

from autonomy_controller.domain import classes
from autonomy_controller.domain.actions import decide
from autonomy_controller.domain.audit import decided_again, of_decision
from autonomy_controller.domain.sampling import fraction_of, sample
from flyball.schemas.permission import inherited_level

WRITE = {"operation": "order.cancel", "write": True}
CASES = [
    (0, {}, "require_approval", "level_0"),
    (1, {}, "allow", "level_1"),
    (1, WRITE, "require_approval", "level_1"),
    (1, {"confidence": None}, "require_approval", "level_1"),
    (1, {"confidence": 0.74}, "require_approval", "level_1"),
    (1, {"confidence": 0.75}, "allow", "level_1"),
    (1, {"sensitive": True}, "require_approval", "level_1"),
    (1, {"operation": "order.bulk_read"}, "require_approval", "level_1"),
    (1, {"arguments_readable": False}, "require_approval", "level_1"),
    (1, {"cost_micro_usd": 1_000_000}, "allow", "level_1"),
    (1, {"cost_micro_usd": 1_000_001}, "require_approval", "level_1"),
    (2, WRITE, "allow", "level_2"),
    (2, {"cost_micro_usd": 1_000_001}, "require_approval", "cost_limit"),
    (3, WRITE, "allow", "level_3"),
    (3, {"confidence": 0.5}, "require_approval", "anomaly"),
    (4, {"confidence": 0.5, **WRITE}, "allow", "level_4"),
    (4, {"cost_micro_usd": 1_000_001}, "require_approval", "cost_limit"),
]


@pytest.mark.parametrize(("level", "changes", "verdict", "rule"), CASES)
def test_a_level_lets_run_what_the_table_says(level: int, changes: dict, verdict: str, rule: str) -> None:
    decided = decide(request(**changes), circumstances(classes_at(level))).decided
    assert (decided.verdict, decided.rule, decided.level) == (verdict, rule, level)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.1, 1.1, "0.9", True])
def test_a_confidence_that_says_nothing_is_missing(value: object) -> None:
    assert request(confidence=value).confidence is None


@pytest.mark.parametrize("level", range(5))
def test_a_deny_rule_refuses_at_any_level_and_asks_nobody(level: int) -> None:
    decided = decide(request(parameters={"method": "gift card"}), circumstances(classes_at(level)))
    assert (decided.decided.verdict, decided.decided.rule, decided.state) == ("deny", "deny_rule", "denied")
    assert decided.decided.review_id is None


def test_an_undeclared_class_needs_a_person_and_another_class_cannot_be_borrowed() -> None:
    at = circumstances(classes_at(4))
    assert decide(request(action_class="other", operation="mail.send"), at).decided.verdict == "require_approval"
    borrowed = decide(request(action_class="other"), at).decided
    assert (borrowed.verdict, borrowed.rule) == ("deny", "wrong_class")


def test_a_sub_agent_has_the_lower_level() -> None:
    asked = request(parent_system="boss")
    for own, parents, expected in [(4, 1, 1), (1, 4, 1), (4, 0, 0)]:
        at = circumstances(classes_at(own), parent=classes_at(parents))
        # The parent has worked already: its level is that of its newest epoch.
        at = circumstances(
            at.classes,
            parent={n: classes.with_epoch(s, asked.epoch, asked.release, START) for n, s in at.parent.items()},
        )
        assert decide(asked, at).decided.level == expected
    assert decide(asked, circumstances(classes_at(4))).decided.level == 0


def test_a_killed_parent_stops_its_sub_agents() -> None:
    parent = {name: classes.killed(state, "stop", START) for name, state in classes_at(4).items()}
    decided = decide(request(parent_system="boss"), circumstances(classes_at(4), parent=parent)).decided
    assert (decided.verdict, decided.rule) == ("deny", "killed")


def test_a_request_after_its_deadline_is_refused() -> None:
    at = circumstances(classes_at(4), now=START + timedelta(seconds=31))
    assert decide(request(), at).decided.rule == "late"


@pytest.mark.parametrize(
    ("release", "level"),
    [("2.9.0", 3), ("2.1.1", 3), ("3.0.0", 1), ("nightly", 1)],
)
def test_a_new_major_version_starts_at_l1_at_most(release: str, level: int) -> None:
    known = classes.with_epoch(classes_at(3)["orders"], "first", "2.1.0", START)
    assert inherited_level(known.control, release) == level


RISKS = st.fixed_dictionaries(
    {
        "write": st.booleans(),
        "sensitive": st.booleans(),
        "arguments_readable": st.booleans(),
        "confidence": st.none() | st.floats(0, 1),
        "cost_micro_usd": st.none() | st.integers(0, 3_000_000),
        "operation": st.sampled_from(["order.read", "order.cancel", "order.bulk", "mail.send"]),
        "parameters": st.dictionaries(st.sampled_from(["method", "note"]), st.sampled_from(["gift", "card"])),
    }
)


@given(RISKS, st.integers(0, 4), st.booleans(), st.booleans())
def test_every_decision_is_made_again_from_its_record(changes: dict, level: int, killed: bool, latched: bool) -> None:
    held = classes_at(level)
    if killed:
        held = {name: classes.killed(state, "stop", START) for name, state in held.items()}
    elif latched:
        control = held["orders"].control.model_copy(update={"latched": True})
        held["orders"] = held["orders"].model_copy(update={"control": control})
    at = circumstances(held)
    action = decide(request(**changes), at)
    record = of_decision(action, at)
    assert decided_again(record.kind, record.inputs) == action.decided.verdict
    assert (action.state == "denied") == (action.decided.verdict == "deny")


@given(RISKS, st.integers(0, 4))
def test_nothing_that_is_killed_ever_runs(changes: dict, level: int) -> None:
    held = {name: classes.killed(state, "stop", START) for name, state in classes_at(level).items()}
    assert decide(request(**changes), circumstances(held)).decided.verdict == "deny"


@given(RISKS, st.integers(0, 3))
def test_the_shadow_is_what_the_next_level_says(changes: dict, level: int) -> None:
    asked = request(**changes)
    shadow = decide(asked, circumstances(classes_at(level))).decided.next_level_verdict
    assert shadow == decide(asked, circumstances(classes_at(level + 1))).decided.verdict


@given(st.text(min_size=1, max_size=40))
def test_the_same_action_is_sampled_alike_every_time(action_id: str) -> None:
    assert 0 <= fraction_of(SALT, action_id) < 1
    drawn = {sample(SALT, action_id, 2, risky=False, anomaly=False, doubled=False, by_itself=True) for _ in range(3)}
    assert len(drawn) == 1


def test_the_share_of_audits_is_what_the_level_asks() -> None:
    taken = {
        level: sum(
            sample(SALT, f"a{n}", level, risky=False, anomaly=False, doubled=False, by_itself=True).taken
            for n in range(20_000)
        )
        / 20_000
        for level in range(1, 5)
    }
    assert taken == pytest.approx({1: 0.05, 2: 0.10, 3: 0.05, 4: 0.02}, abs=0.006)
    assert sample(SALT, "a", 3, risky=False, anomaly=True, doubled=False, by_itself=True).taken


def test_the_digest_binds_operation_agent_target_and_parameters_alone() -> None:
    base = request(action_id="a")
    same = [{"confidence": 0.1}, {"action_id": "b"}, {"deadline": START}, {"release": "9"}]
    other = [{"operation": "order.x"}, {"target": "order/2"}, {"parameters": {"a": 1}}, {"system": "other"}]
    assert {request(**{"action_id": "a", **changes}).digest for changes in same} == {base.digest}
    assert base.digest not in {request(**changes).digest for changes in other}


def test_permission_is_pure_of_the_order_of_parameters() -> None:
    one, two = request(parameters={"a": 1, "b": 2}), request(parameters={"b": 2, "a": 1})
    assert one.digest == two.digest
