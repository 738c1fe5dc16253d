"""Rollouts, rollbacks and the gate, against a small server in console's place."""

import json
from typing import Any

import pytest
from test_governing import Flyball, cells

START = ["rollouts", "start", "support", "--from", "1.4.0", "--to", "1.5.0"]


@pytest.fixture
def flyball(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], console: Any) -> Flyball:
    return Flyball(monkeypatch, capsys, console.url)


@pytest.mark.parametrize(
    ("arguments", "path", "body"),
    [
        (START, "/v1/rollouts", {"candidate": "1.5.0", "baseline": "1.4.0", "start": True, "policy": {}}),
        ([*START, "--wait", "--policy", '{"shadow": true}'], "/v1/rollouts", {"start": False}),
        ([*START, "--override", "an incident"], "/v1/rollouts", {"override": "an incident"}),
        (["rollouts", "pause", "o-1", "-r", "look"], "/v1/rollouts/o-1/commands", {"command": "pause", "epoch": 2}),
        (["rollouts", "approve", "o-1", "-r", "go"], "/v1/rollouts/o-1/commands", {"command": "approve"}),
        (["rollback", "support", "-r", "worse"], "/v1/rollbacks", {"reason": "worse", "dry_run": False}),
        (["rollback", "support", "-r", "x", "--to", "1.3.0", "--dry-run"], "/v1/rollbacks", {"to": "1.3.0"}),
    ],
)
def test_a_command_says_what_and_never_who(
    console: Any, flyball: Flyball, arguments: list[str], path: str, body: dict[str, Any]
) -> None:
    done = flyball(*arguments, "-o", "json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["rollout_id"] == "o-1"
    ((asked, told),) = console.told
    assert (asked, {name: told[name] for name in body}) == (path, body)
    assert not {"actor", "requested_by", "approved_by", "tenant"} & told.keys()


def test_a_rollout_shows_its_steps_its_evidence_and_what_holds_it(flyball: Flyball) -> None:
    done = flyball("rollouts", "show", "o-1")
    assert "31 of 400" in done.out
    assert "7.32" in done.out
    assert "no receipt yet" in done.out
    assert done.err.strip() == "nothing advances: no telemetry"


def test_the_list_says_how_to_go_on(flyball: Flyball) -> None:
    done = flyball("rollouts", "list")
    assert cells(done.out.splitlines()[1])[:7] == ["o-1", "support", "production", "1.4.0", "1.5.0", "canary", "5 %"]
    assert "after=7" in done.err


@pytest.mark.parametrize(("release", "code", "word"), [("1.5.0", 0, "open"), ("1.6.0", 3, "closed")])
def test_the_gate_is_an_exit_code_with_every_reason(flyball: Flyball, release: str, code: int, word: str) -> None:
    done = flyball("gate", "deploy", "--system", "support", "--release", release)
    assert (done.code, cells(done.out.splitlines()[1])[-1]) == (code, word)
    assert ("closed: the accuracy budget is in red" in done.err) == (code == 3)
    assert "too little data" in done.err


def test_nothing_is_back_before_it_was_seen(flyball: Flyball) -> None:
    assert "not yet back: flyball rollouts show o-1" in flyball("rollback", "support", "--reason", "worse").err
    assert "nothing was changed" in flyball("rollback", "support", "--reason", "worse", "--dry-run").err


@pytest.mark.parametrize("policy", ["{", "[]", "3"])
def test_rules_that_are_no_object_are_refused_before_anybody_is_asked(
    console: Any, flyball: Flyball, policy: str
) -> None:
    done = flyball(*START, "--policy", policy)
    assert (done.code, console.told) == (1, [])
    assert done.err.splitlines()[-1].startswith("next:  --policy")


def test_a_start_against_a_closed_gate_exits_3_and_says_what_one_can_do(console: Any, flyball: Flyball) -> None:
    done = flyball("rollouts", "start", "closed", "--from", "1.4.0", "--to", "1.5.0")
    assert (done.code, done.out) == (3, "")
    assert done.err.splitlines() == [
        "error: the gate is closed: Refused: the accuracy budget is in red",
        "next:  flyball budgets show closed, or this again with --override REASON",
    ]
