"""`python -m flyball.stack`: up survives its command, down stops just what up started."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from flyball.stack.detached import read_state

pytestmark = pytest.mark.stack


def stack(*arguments: str, directory: Path) -> subprocess.CompletedProcess[str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("FLYBALL_")}
    command = [sys.executable, "-m", "flyball.stack", *arguments, "--directory", str(directory)]
    return subprocess.run(command, capture_output=True, text=True, env=own, timeout=180, check=False)


def test_up_status_down_and_up_again_on_the_same_data(tmp_path: Path) -> None:
    try:
        up = stack("up", directory=tmp_path)
        assert up.returncode == 0, up.stderr
        assert [line.partition("=")[0] for line in up.stdout.splitlines()] == [
            "export FLYBALL_KAFKA",
            "export FLYBALL_KAFKA_REPLICATION",
            "export FLYBALL_POSTGRES",
            "export FLYBALL_REDIS",
        ]
        assert stack("status", directory=tmp_path).stdout == up.stdout
        second = stack("up", directory=tmp_path)
        assert second.returncode == 1
        assert "make stack-down" in second.stderr
        state = read_state(tmp_path)
        assert state is not None
    finally:
        down = stack("down", directory=tmp_path)
    assert "Kafka node 1, Postgres, Redis" in down.stderr
    assert not any(server.running for server in state.servers)
    assert "nothing was running" in stack("down", directory=tmp_path).stderr
    other_size = stack("up", "--nodes", "3", directory=tmp_path)
    assert other_size.returncode == 1
    assert "holds a cluster of 1 nodes" in other_size.stderr
