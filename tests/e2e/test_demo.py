"""`flyball demo`, as a newcomer runs it, but without its pauses."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.stack
FLYBALL = Path(sys.executable).with_name("flyball")


def test_the_demo_shows_a_budget_fall_and_ends_with_exact_totals() -> None:
    done = subprocess.run(
        [FLYBALL, "demo", "--pace-seconds", "0", "--seed", "11"],
        capture_output=True,
        text=True,
        timeout=110,
        env={**os.environ, "COLUMNS": "200"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("exact") >= 3
    assert "every event counted exactly once" in done.stdout
    assert "billing-agent" in done.stdout
