"""From `flyball up` to a budget, with nothing but the command."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]
FLYBALL = Path(sys.executable).with_name("flyball")
EXAMPLE = Path(__file__).parents[1] / "examples" / "system.yaml"
RESULTS = Path(__file__).parent / "results" / "deepeval.json"
SYSTEM = "support-assistant"
INCOMPLETE = b'{"subject": "support-assistant"}'
DEADLINE_SECONDS = 120.0


class Stack:
    """What `flyball up` printed, as the environment of further commands."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment

    def flyball(self, *arguments: str, given: bytes = b"", code: int | None = 0) -> subprocess.CompletedProcess[bytes]:
        done = subprocess.run(
            [FLYBALL, *arguments], input=given, capture_output=True, timeout=120, env=self.environment, check=False
        )
        assert code in (None, done.returncode), done.stderr.decode()
        return done

    def data(self, *arguments: str, given: bytes = b"", code: int | None = 0) -> Any:
        return json.loads(self.flyball(*arguments, "-o", "json", given=given, code=code).stdout)

    def until(self, fulfilled: Callable[[Any], bool], *arguments: str, code: int | None = 0) -> Any:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not fulfilled(found := self.data(*arguments, code=code)):
            assert time.monotonic() < deadline, found
        return found


@contextmanager
def up(directory: Path, *arguments: str) -> Iterator[Stack]:
    """A stack of our own, and the proof that its end leaves nothing behind."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FLYBALL_")}
    environment["XDG_STATE_HOME"] = str(directory / "state")
    command = [FLYBALL, "up", "--directory", str(directory), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as process:
        try:
            assert process.stdout is not None
            exports: dict[str, str] = {}
            while "FLYBALL_CONSOLE_URL" not in exports or "FLYBALL_TELEMETRY_INGEST_URL" not in exports:
                line = process.stdout.readline()
                assert line, "flyball up ended"
                name, _, value = line.removeprefix("export ").strip().partition("=")
                exports[name] = shlex.split(value)[0]
            yield Stack({**environment, **exports})
        finally:
            process.send_signal(signal.SIGTERM)
            code = process.wait(60)
        assert code == 0
    assert list(directory.glob("run-*")) == []


def events(count: int) -> bytes:
    now = datetime.now(UTC).isoformat()
    common = {"specversion": "1.0", "source": "/test", "subject": SYSTEM, "time": now}
    verdict = {"release": "1", "metric": "factuality", "evaluator": "judge", "evaluator_version": "1"}
    made = [
        {
            **common,
            "id": str(n),
            "type": "evaluation.recorded",
            "data": {**verdict, "interaction_id": str(n), "passed": n % 50 != 0},
        }
        for n in range(count)
    ]
    return b"\n".join(json.dumps(event).encode() for event in made)


@pytest.mark.parametrize("flavour", ["--embedded", "--kafka"])
def test_from_nothing_to_a_budget(tmp_path: Path, flavour: str) -> None:
    with up(tmp_path, flavour) as stack:
        assert stack.data("apply", "-f", str(EXAMPLE))[0]["changed"]
        assert not stack.data("apply", "-f", str(EXAMPLE))[0]["changed"]
        assert stack.data("systems", "list")[0]["author"] == "local"
        assert stack.data("send", given=events(1_000)) == {"sent": 1_000, "skipped": 0}
        stack.data("send", given=events(10) + b"\n" + INCOMPLETE)
        (totals,) = stack.until(
            lambda found: bool(found) and found[0]["published"] == 1_011, "telemetry", "totals", "--system", SYSTEM
        )
        assert [totals[name] for name in ("counted", "duplicates", "rejected", "late")] == [1_000, 10, 1, 0]
        assert totals["declared"]
        (rejected,) = stack.until(bool, "telemetry", "rejected", "--system", SYSTEM)
        assert (rejected["reason"], rejected["body_text"]) == ("missing_field", INCOMPLETE.decode())
        budget_is_complete(stack)
        decisions_are_on_the_record(stack)
        assert watched(stack)["system"] == SYSTEM
        the_broker_is_as_wanted(stack, flavour)
        if flavour == "--embedded":
            the_rejected_one_is_repaired_and_counts_once(stack, rejected["id"])
            an_import_counts_once_however_often(stack)


def budget_is_complete(stack: Stack) -> None:
    def complete(items: Any) -> bool:
        return bool(items) and accuracy_of(items)["granted"] == 50_000_000

    budget = accuracy_of(stack.until(complete, "budgets", "show", SYSTEM))
    assert (budget["burned"], budget["remaining_ppm"]) == (20_000_000, 600_000)
    explanation = stack.data("budgets", "explain", SYSTEM)
    assert explanation["dimension"] == "accuracy"
    assert b"60.0 %" in stack.flyball("budgets", "explain", SYSTEM).stdout


def decisions_are_on_the_record(stack: Stack) -> None:
    records = stack.until(lambda found: any(item["subject"].endswith("/accuracy") for item in found), "audit", "list")
    newest = next(item for item in records if item["subject"].endswith("/accuracy"))
    explained = stack.data("audit", "explain", newest["id"])
    assert explained["inputs_intact"]
    assert explained["same"]
    verdict = stack.data("audit", "verify")
    assert verdict["intact"]
    assert verdict["links"] >= len(records)
    exported = stack.flyball("audit", "export").stdout.splitlines()
    assert newest["id"] in {json.loads(line)["id"] for line in exported}


def the_rejected_one_is_repaired_and_counts_once(stack: Stack, identity: str) -> None:
    """Published = counted + duplicate + rejected: a replay is one more that is published, and here one more counted."""
    event = {**json.loads(events(1)), "id": "mended"}
    sets = [part for name, value in event.items() for part in ("--set", f"{name}={json.dumps(value)}")]
    repair = ("rejected", "repair", identity, "--why", "it was cut off", *sets)
    assert stack.data(*repair)["replayed"]
    assert not stack.data(*repair)["replayed"]
    counted(stack, published=1_012, counted=1_001, duplicates=10, rejected=1)
    records = stack.until(lambda found: any(item["kind"] == "rejected.replay" for item in found), "audit", "list")
    [record] = [item for item in records if item["kind"] == "rejected.replay"]
    assert (record["actor"], record["reason"]) == ("user:local", "it was cut off")
    assert stack.data("rejected", "list", "--waiting") == []


def an_import_counts_once_however_often(stack: Stack) -> None:
    again = ("import", "deepeval", str(RESULTS), "--system", SYSTEM, "--release", "1", "--time", "now")
    assert [stack.data(*again, *more)["sent"] for more in ((), (), ("--again",))] == [9, 0, 9]
    counted(stack, published=1_030, counted=1_010, duplicates=19, rejected=1)


def counted(stack: Stack, **expected: int) -> None:
    (totals,) = stack.until(
        lambda found: found[0]["published"] >= expected["published"], "telemetry", "totals", "--system", SYSTEM
    )
    assert {name: totals[name] for name in expected} == expected


def accuracy_of(items: Any) -> Any:
    return next(budget for budget in items[0]["budgets"] if budget["dimension"] == "accuracy")


def watched(stack: Stack) -> Any:
    command = [FLYBALL, "budgets", "show", "--watch", "-o", "json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=stack.environment) as process:
        assert process.stdout is not None
        states = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    return states


def the_broker_is_as_wanted(stack: Stack, flavour: str) -> None:
    # A cross for a program that this machine lacks, such as kcat, is none of ours.
    running = {"broker", "postgres", "redis", "console", "telemetry-ingest", "budget-ledger"}
    found = stack.until(lambda items: running <= _named(items, "ok"), "doctor", code=None)
    if flavour == "--kafka":
        assert stack.data("topics", "diff", "--check") == []
        assert stack.data("topics", "apply") == []
        assert "topics" in _named(found, "ok")
    else:
        # librdkafka's broker has no admin API.
        assert b"the broker refuses" in stack.flyball("topics", "diff", code=1).stderr


def _named(findings: Any, state: str) -> set[str]:
    return {item["check"] for item in findings if item["state"] == state}
