"""The supervised child: ends with its tree, on time, and says why it did not start."""

import signal
import sys
from pathlib import Path

import psutil
import pytest

from flyball.stack import ChildProcess, StartFailed

SLEEPER = [sys.executable, "-c", "import signal; signal.pause()"]
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); signal.pause()"
PARENT = (
    "import subprocess, sys, signal; "
    "child = subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()'], start_new_session=True); "
    "print(child.pid, flush=True); signal.pause()"
)


def logged(process: ChildProcess):
    async def ready() -> bool:
        return bool(process.log_tail())

    return ready


async def never() -> bool:
    return False


async def test_a_start_failure_carries_the_last_lines_of_the_log(tmp_path: Path) -> None:
    process = ChildProcess("broken", [sys.executable, "-c", "raise SystemExit('no such planet')"], tmp_path / "log")
    with pytest.raises(StartFailed, match=r"(?s)broken did not start.*no such planet.*less .*log"):
        await process.start(never, 10)


async def test_a_server_that_never_answers_is_killed_at_the_deadline(tmp_path: Path) -> None:
    process = ChildProcess("mute", SLEEPER, tmp_path / "log")
    with pytest.raises(StartFailed, match="no answer after"):
        await process.start(never, 0.2)
    assert not process.running


async def test_stop_kills_what_ignores_the_signal(tmp_path: Path) -> None:
    process = ChildProcess("stubborn", [sys.executable, "-c", STUBBORN], tmp_path / "log")
    await process.start(logged(process), 10)
    assert not await process.stop(deadline_seconds=0.2)
    assert process.return_code == -signal.SIGKILL


async def test_kill_ends_descendants_with_sessions_of_their_own(tmp_path: Path) -> None:
    process = ChildProcess("parent", [sys.executable, "-c", PARENT], tmp_path / "log")
    await process.start(logged(process), 10)
    grandchild = psutil.Process(int(process.log_tail()))
    await process.kill()
    assert not grandchild.is_running() or grandchild.status() == psutil.STATUS_ZOMBIE


async def test_pause_and_resume(tmp_path: Path) -> None:
    process = ChildProcess("sleeper", SLEEPER, tmp_path / "log")
    process.spawn()
    process.pause()
    assert psutil.Process(process.pid).status() == psutil.STATUS_STOPPED
    process.resume()
    assert psutil.Process(process.pid).status() != psutil.STATUS_STOPPED
    await process.kill()
