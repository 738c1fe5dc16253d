"""`flyball demo`, as a newcomer runs it: everything it claims is on the terminal."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]
FLYBALL = Path(sys.executable).with_name("flyball")
SEEN = (
    "accuracy budget green -> ",
    "rollout canary",
    "rollout rolled back",
    "PagerDuty",
    "Slack",
    "autonomy L2 -> L1",
    "may I refund order/4711? allow",
    "may I refund order/4711? require_approval",
    "a second start of it is refused: consumed",
    "drifts, severity",
    "✓ every event counted exactly once",
    "records verified",
    "✓ replay gives the same ledger",
)


def test_the_demo_shows_the_whole_loop_and_proves_it() -> None:
    done = subprocess.run(
        [FLYBALL, "demo", "--seed", "11"],
        capture_output=True,
        text=True,
        timeout=480,
        env={**os.environ, "COLUMNS": "200"},
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert [claim for claim in SEEN if claim not in done.stdout] == []
    assert done.stdout.count("exact") >= 3
