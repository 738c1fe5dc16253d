"""The real command, whole, against a small HTTP server in console's place."""

import json
import os
import signal
import subprocess
import sys
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import yaml

from flyball.cli.main import main

FLYBALL = Path(sys.executable).with_name("flyball")
EXAMPLE = Path(__file__).parents[1] / "examples" / "system.yaml"


def environment(url: str, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FLYBALL_")}
    return {**kept, "FLYBALL_URL": url, "FLYBALL_TOKEN": "token-of-the-test", "TERM": "dumb", **more}


def flyball(url: str, *arguments: str, given: bytes = b"", **more: str) -> subprocess.CompletedProcess[str]:
    """The command in this process: to start one for each question would take most of the time of the fast tests."""
    stdin, stdout, stderr = (TextIOWrapper(BytesIO(held), write_through=True) for held in (given, b"", b""))
    streams = {"stdin": stdin, "stdout": stdout, "stderr": stderr}
    with (
        patch.dict(os.environ, environment(url, **more), clear=True),
        patch.multiple(sys, argv=["flyball", *arguments], **streams),
        pytest.raises(SystemExit) as ended,
    ):
        main()
    written = [stream.buffer.getvalue().decode() for stream in (stdout, stderr)]
    return subprocess.CompletedProcess(arguments, ended.value.code or 0, *written)


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("  ") if cell.strip()]


def test_help_imports_nothing_heavy() -> None:
    program = "import sys; from flyball.cli import main; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    heavy = {"httpx", "pydantic", "yaml", "aiokafka", "faststream", "asyncpg", "redis", "confluent_kafka", "numpy"}
    assert heavy & set(loaded.stdout.split()) == set()


def test_totals_are_an_identity_of_integers(console: Any) -> None:
    done = flyball(console.url, "telemetry", "totals")
    heading, row = done.stdout.splitlines()
    assert cells(heading)[1:6] == ["PUBLISHED", "= COUNTED", "+ DUPLICATE", "+ REJECTED", "LATE"]
    assert cells(row)[:6] == ["support", "1000", "930", "50", "20", "7"]
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_data_alone_is_on_stdout(console: Any, form: str) -> None:
    done = flyball(console.url, "telemetry", "totals", "-o", form)
    assert yaml.safe_load(done.stdout)[0] | console.totals == console.totals


def test_budgets_say_what_is_left_and_no_data_in_words(console: Any) -> None:
    rows = [cells(line) for line in flyball(console.url, "budgets", "show", "support").stdout.splitlines()[1:]]
    assert rows[0][1:7] == ["accuracy", "yellow", "95 %", "20 events", "9.00002 events", "54.9 %"]
    assert rows[1][1:7] == ["safety", "no data", "95 %", "0 events", "0 events", "no data"]
    assert rows[2][4:7] == ["2592 s", "0 s", "100.0 %"]


def test_explain_takes_the_dimension_with_least_left(console: Any) -> None:
    done = flyball(console.url, "budgets", "explain", "support")
    assert "remaining = (granted - burned) / granted" in done.stdout
    assert "abababababab" in done.stdout
    assert json.loads(flyball(console.url, "budgets", "explain", "support", "-o", "json").stdout) == console.explanation


def test_watch_shows_each_change_as_it_comes(console: Any) -> None:
    command = [FLYBALL, "budgets", "show", "--watch", "-o", "json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment(console.url)) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline()) == console.states
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0


def test_what_strangers_sent_cannot_drive_the_terminal(console: Any) -> None:
    done = flyball(console.url, "telemetry", "rejected", "--limit", "1")
    assert "\x1b" not in done.stdout
    assert "\\x1b[31mred\\nline" in done.stdout
    assert "--limit 1 --after 17" in done.stderr


def test_apply_sends_what_the_file_says(console: Any) -> None:
    done = flyball(console.url, "apply", "-f", str(EXAMPLE), "-o", "json")
    assert json.loads(done.stdout)[0]["spec"]["targets"]["safety"]["weight_milli"] == 20_000
    assert cells(flyball(console.url, "apply", "-f", "-", given=b"system: a\n").stdout.splitlines()[1])[0] == "a"


def test_a_wrong_spec_is_told_with_file_and_line(tmp_path: Path) -> None:
    file = tmp_path / "system.yaml"
    file.write_text("system: a\nwindow_days: 400\n")
    done = flyball("http://127.0.0.1:1", "validate", "-f", str(file))
    assert done.returncode == 1
    assert f"{file}:2:1: window_days: Input should be less than or equal to 90" in done.stderr
    assert done.stderr.splitlines()[-1] == f"next:  mend it, then flyball validate -f {file}"


def test_send_goes_in_batches_and_again_while_console_is_busy(console: Any, tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    events = [b'{"id": "%d"}' % n for n in range(1_201)]
    file.write_bytes(b"\n".join(events) + b"\n\n")
    console.busy_for = 2
    done = flyball(console.url, "send", str(file), "-o", "json")
    assert (done.returncode, json.loads(done.stdout)) == (0, {"sent": 1_201, "skipped": 0})
    assert [len(batch) for batch in console.batches] == [500, 500, 201]
    assert [event for batch in console.batches for event in batch] == events


def test_send_gives_up_when_console_stays_busy(console: Any) -> None:
    console.busy_for = 100
    done = flyball(console.url, "send", given=b'{"id": "1"}')
    assert (done.returncode, done.stdout) == (4, "")
    assert console.busy_for == 94


@pytest.mark.parametrize("force", [True, False])
def test_bad_lines_are_told_and_skipped(console: Any, force: bool) -> None:
    lines = b'{"id": "1"}\n{"id"\n[1]\n{"n": NaN}\n\xff\n' + b'{"a":' * 100_000 + b'\n{"id": "2"}'
    done = flyball(console.url, "send", *(["--force"] if force else []), given=lines)
    assert console.batches == [[b'{"id": "1"}', b'{"id": "2"}']]
    assert [line.partition(":")[0] for line in done.stderr.splitlines()[:5]] == [f"line {n}" for n in (2, 3, 4, 5, 6)]
    assert cells(done.stdout.splitlines()[1]) == ["2", "5"]
    assert done.returncode == (0 if force else 1)


@pytest.mark.parametrize(
    ("arguments", "code", "following"),
    [
        (["systems", "show", "nobody"], 1, "flyball --help"),
        (["systems", "show", "down"], 4, "flyball doctor"),
        (["send", "/nowhere"], 2, "ls -l /nowhere"),
        (["topics", "diff"], 2, "export FLYBALL_KAFKA=host:port"),
    ],
)
def test_an_error_has_a_cause_a_next_command_and_a_code(
    console: Any, arguments: list[str], code: int, following: str
) -> None:
    done = flyball(console.url, *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.splitlines()[0].startswith("error: ")
    assert done.stderr.splitlines()[-1] == f"next:  {following}"


def test_an_unknown_token_an_absent_console_and_a_wrong_word(console: Any) -> None:
    refused = flyball(console.url, "telemetry", "totals", FLYBALL_TOKEN="other")
    assert (refused.returncode, "FLYBALL_TOKEN" in refused.stderr) == (1, True)
    assert flyball("http://127.0.0.1:1", "telemetry", "totals").returncode == 4
    assert flyball("nonsense", "telemetry", "totals").returncode == 1
    assert flyball(console.url, "telemetry", "grand-totals").returncode == 2


def test_doctor_has_a_next_command_for_each_cross(console: Any) -> None:
    more = {"FLYBALL_KAFKA": "127.0.0.1:1", "FLYBALL_POSTGRES": "postgresql://127.0.0.1:1/x"}
    done = flyball(console.url, "doctor", "-o", "json", **more)
    found = {finding["check"]: finding for finding in json.loads(done.stdout)}
    assert done.returncode == 1
    assert [found[name]["state"] for name in ("python", "redis")] == ["ok", "unset"]
    assert [found[name]["state"] for name in ("broker", "postgres", "console")] == ["failed"] * 3
    assert all(finding["following"] for finding in found.values() if finding["state"] != "ok")
