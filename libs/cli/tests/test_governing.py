"""Levels, reviews, incidents, silences and the live view, against a small server in console's place."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from flyball.cli.commands.silences import matcher_of
from flyball.cli.main import main

FLYBALL = Path(sys.executable).with_name("flyball")
TOKEN = "token-of-the-test"


@dataclass(frozen=True, slots=True)
class Done:
    code: int
    out: str
    err: str


class Flyball:
    """The command in this process: a process of its own for each takes half a second."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], url: str) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys
        self.set(FLYBALL_URL=url, FLYBALL_TOKEN=TOKEN, TERM="dumb")

    def set(self, **variables: str) -> None:
        for name, value in variables.items():
            self._monkeypatch.setenv(name, value)

    def __call__(self, *arguments: str) -> Done:
        self._monkeypatch.setattr(sys, "argv", ["flyball", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = self._capsys.readouterr()
        return Done(int(ended.value.code or 0), printed.out, printed.err)


@pytest.fixture
def flyball(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], console: Any) -> Flyball:
    return Flyball(monkeypatch, capsys, console.url)


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("  ") if cell.strip()]


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        (["autonomy", "kill", "support", "-r", "odd"], ("/v1/autonomy/kill", {"reason": "odd", "action_class": None})),
        (["autonomy", "release", "support", "-c", "refunds"], ("/v1/autonomy/release", {"action_class": "refunds"})),
        (["autonomy", "demote", "support", "--to", "1", "-r", "x"], ("/v1/autonomy/demote", {"level": 1})),
        (["reviews", "claim", "r-1"], ("/v1/reviews/r-1/claim", {})),
        (["reviews", "judge", "r-1", "reject", "--confidence", "4"], ("/v1/reviews/r-1/judgment", {"confidence": 4})),
        (["reviews", "approve", "r-1", "-m", "fine"], ("/v1/reviews/r-1/verdict", {"resolution": "approve"})),
        (["reviews", "deny", "r-1"], ("/v1/reviews/r-1/verdict", {"resolution": "reject"})),
        (["incidents", "ack", "i-1"], ("/v1/incidents/i-1/ack", {})),
        (["incidents", "resolve", "i-1"], ("/v1/incidents/i-1/resolve", {})),
        (["silences", "add", "-l", "system=support", "-m", "move"], ("/v1/silences", {"comment": "move"})),
    ],
)
def test_a_command_says_what_and_never_who(
    console: Any, flyball: Flyball, arguments: list[str], asked: tuple[str, dict[str, Any]]
) -> None:
    done = flyball(*arguments, "-o", "json")
    assert done.code == 0, done.err
    assert json.loads(done.out)
    ((path, body),) = console.told
    assert (path, {name: body[name] for name in asked[1]}) == asked
    assert not {"person", "reviewer", "actor", "author", "tenant"} & body.keys()


def test_levels_show_what_holds_them_down(console: Any, flyball: Flyball) -> None:
    rows = [cells(line) for line in flyball("autonomy", "show").out.splitlines()[1:]]
    assert [row[:3] for row in rows] == [["support", "refunds", "L1"], ["support", "search", "killed"]]
    assert rows[0][5] == "drift basket/1"
    assert rows[1][5].startswith("latched, 1 of 2 people released it")


def test_promoting_shows_the_gates_and_exits_3_while_one_is_closed(console: Any, flyball: Flyball) -> None:
    done = flyball("autonomy", "promote", "support", "--class", "refunds")
    assert done.code == 3
    assert "insufficient_evidence" in done.out
    assert console.told[0][1]["evidence_epoch"] == "release 2.1.0"
    signed = flyball("autonomy", "sign", "p-1")
    assert (signed.code, "1 of 2 signatures" in signed.err) == (0, True)


def test_who_must_judge_first_is_told_how(console: Any, flyball: Flyball) -> None:
    done = flyball("reviews", "approve", "independent")
    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines()[-1] == "next:  flyball reviews judge independent approve|reject --confidence 1..5"
    sure = flyball("reviews", "approve", "r-1", "--confidence", "4")
    assert sure.code == 0
    assert [path for path, _ in console.told[-2:]] == ["/v1/reviews/r-1/judgment", "/v1/reviews/r-1/verdict"]


def test_a_proposal_that_is_withheld_says_so(console: Any, flyball: Flyball) -> None:
    assert "withheld until you have judged" in flyball("reviews", "show", "r-1").out


def test_an_incident_has_clocks_a_timeline_and_receipts(console: Any, flyball: Flyball) -> None:
    done = flyball("incidents", "show", "i-1")
    assert "P1 (p0p3)" in done.out
    assert "rollout-1" in done.out
    for heading in ("Clocks", "Decided in the 24 h before and since", "Timeline", "Who was told"):
        assert f"\n{heading}\n" in done.out
    assert flyball("silences", "expire", "s-1").code == 0
    assert console.told == [("/v1/silences/s-1", None)]


@pytest.mark.parametrize("arguments", ["-l support -m x", "-l a=b -m x --for soon", "-l a=b"])
def test_a_silence_that_nobody_can_mean_is_a_wrong_word(console: Any, flyball: Flyball, arguments: str) -> None:
    assert (flyball("silences", "add", *arguments.split()).code, console.told) == (2, [])


@pytest.mark.parametrize(
    ("text", "operation", "value"), [("a=b", "=", "b"), ("a!=b", "!=", "b"), ("a=~b.*", "=~", "b.*"), ("a!~", "!~", "")]
)
def test_a_matcher_is_read_as_alertmanager_writes_it(text: str, operation: str, value: str) -> None:
    assert matcher_of(text) == {"name": "a", "operation": operation, "value": value}


def test_watch_says_what_is_and_then_what_changes(console: Any) -> None:
    given = {**os.environ, "FLYBALL_URL": console.url, "FLYBALL_TOKEN": TOKEN}
    with subprocess.Popen([FLYBALL, "watch", "-o", "json"], stdout=subprocess.PIPE, env=given) as process:
        assert process.stdout is not None
        first = [json.loads(process.stdout.readline()) for _ in range(6)]
        assert [line["kind"] for line in first] == ["budget"] * 3 + ["level"] * 2 + ["incident"]
        console.incident_state = "resolved"
        changed = json.loads(process.stdout.readline())
        assert (changed["kind"], changed["subject"], changed["state"]) == ("incident", "i-1", "resolved")
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        assert process.stdout.read() == b""


def test_watch_ends_at_once_where_nobody_answers(flyball: Flyball) -> None:
    flyball.set(FLYBALL_TOKEN="other")
    assert flyball("watch").code == 1
    flyball.set(FLYBALL_URL="http://127.0.0.1:1")
    assert flyball("watch").code == 4
