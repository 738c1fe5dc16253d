"""One supervised server process: its own group, its own log, and never alive after its parent."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from flyball.stack import launch
from flyball.stack.errors import StackError, StartFailed

LOG_TAIL_BYTES = 4_000
POLL_SECONDS = 0.03
KILL_DEADLINE_SECONDS = 10.0
PAUSE_DEADLINE_SECONDS = 2.0
PAUSE_POLL_SECONDS = 0.001


@dataclass(frozen=True, slots=True)
class Identity:
    """The user a server runs as; `None` instead of it means the same as ours."""

    user_id: int
    group_id: int


class ChildProcess:
    """A server as a child: start, wait, kill, pause, resume, stop.

    Linux ends the child when the *thread* that started it ends, so start it from the event loop (the main thread),
    never from a worker of a pool. `detached=True` lifts that tie, for a stack that survives the command.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log_path: Path,
        *,
        environment: Mapping[str, str] | None = None,
        identity: Identity | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        death_signal: signal.Signals = signal.SIGKILL,
        detached: bool = False,
    ) -> None:
        self.name = name
        self.command = list(command)
        self.log_path = log_path
        self.stop_signal = stop_signal
        self._environment = None if environment is None else dict(environment)
        self._identity = identity
        self._death_signal = 0 if detached else int(death_signal)
        self._popen: subprocess.Popen[bytes] | None = None
        self._log_start_bytes = 0

    @property
    def pid(self) -> int:
        """The process id; StackError if it was never started."""
        if self._popen is None:
            raise StackError(f"{self.name} was not started: call start() first")
        return self._popen.pid

    @property
    def running(self) -> bool:
        """True from start until the end has been seen."""
        return self._popen is not None and self._popen.poll() is None

    @property
    def return_code(self) -> int | None:
        """The exit status (negative: the signal), None while it runs or before it started."""
        return None if self._popen is None else self._popen.poll()

    def spawn(self) -> None:
        """Fork the server now, without waiting for it to answer. StackError if it already runs."""
        if self.running:
            raise StackError(f"{self.name} already runs as process {self.pid}: kill() or stop() it first")
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("ab") as log:
            self._log_start_bytes = log.tell()
            self._popen = subprocess.Popen(
                [*self._launcher(), *self.command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment,
                start_new_session=True,
            )

    async def start(self, ready: Callable[[], Awaitable[bool]], deadline_seconds: float) -> None:
        """Fork the server and return when `ready` says so. StartFailed if it ends or is late (then it is killed)."""
        self.spawn()
        await self.wait_ready(ready, deadline_seconds)

    async def wait_ready(self, ready: Callable[[], Awaitable[bool]], deadline_seconds: float) -> None:
        """Ask `ready` until it answers True. StartFailed if the server ends or is late (then it is killed)."""
        deadline = time.monotonic() + deadline_seconds
        try:
            while not await ready():
                self._check_start(deadline, deadline_seconds)
                await asyncio.sleep(POLL_SECONDS)
        except BaseException:
            await self.kill()
            raise

    async def wait(self, deadline_seconds: float) -> int:
        """The exit status, once it has ended by itself. StackError if it has not by the deadline."""
        if self._popen is None:
            raise StackError(f"{self.name} was not started: call start() first")
        return await self._end_of(self._popen, deadline_seconds)

    async def _end_of(self, process: "subprocess.Popen[bytes]", deadline_seconds: float) -> int:
        deadline = time.monotonic() + deadline_seconds
        while (status := process.poll()) is None:
            if time.monotonic() > deadline:
                raise StackError(f"{self.name} (process {process.pid}) still runs after {deadline_seconds:.0f} s")
            await asyncio.sleep(POLL_SECONDS)
        return status

    async def kill(self) -> None:
        """SIGKILL the process and all its descendants; returns when none is left. Nothing to do if it has ended."""
        process = self._popen
        if process is not None and process.poll() is None:
            await asyncio.shield(_end_all(_tree(process.pid)))
            # Of the one that was killed: whoever supervises it may have started the next one by now.
            await self._end_of(process, KILL_DEADLINE_SECONDS)

    def pause(self) -> None:
        """SIGSTOP the process and its descendants, and return when they stand still. StackError if they do not."""
        processes = _tree(self.pid)
        _signal_all(processes, signal.SIGSTOP)
        deadline = time.monotonic() + PAUSE_DEADLINE_SECONDS
        while any(_alive(process) and not _stopped(process) for process in processes):
            if time.monotonic() > deadline:
                raise StackError(f"{self.name} (process {self.pid}) does not stand still: see `ps -o stat {self.pid}`")
            time.sleep(PAUSE_POLL_SECONDS)

    def resume(self) -> None:
        """SIGCONT after pause(); harmless otherwise."""
        _signal_all(_tree(self.pid), signal.SIGCONT)

    async def stop(self, deadline_seconds: float = 15.0) -> bool:
        """Ask it to end, kill it at the deadline; True if it ended by itself. Nothing to do if it has ended."""
        if not self.running:
            return True
        self.resume()
        os.kill(self.pid, self.stop_signal)
        try:
            await self.wait(deadline_seconds)
        except StackError:
            await self.kill()
            return False
        return True

    def log_tail(self) -> str:
        """The last lines that the latest start wrote, at most 4 kB."""
        if not self.log_path.exists():
            return ""
        with self.log_path.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(self._log_start_bytes, size - LOG_TAIL_BYTES))
            return log.read().decode(errors="replace").rstrip()

    def _launcher(self) -> list[str]:
        identity = self._identity or Identity(launch.KEEP_IDENTITY, launch.KEEP_IDENTITY)
        words = (os.getpid(), self._death_signal, identity.user_id, identity.group_id)
        return [sys.executable, "-I", "-S", launch.__file__, *(str(word) for word in words)]

    def _check_start(self, deadline: float, deadline_seconds: float) -> None:
        cause = None
        if not self.running:
            cause = f"it ended with status {self.return_code}"
        elif time.monotonic() > deadline:
            cause = f"no answer after {deadline_seconds:.0f} s"
        if cause is not None:
            raise StartFailed(self.name, cause, self.log_tail(), self.log_path)


def _tree(pid: int) -> list[psutil.Process]:
    """The process, then its descendants: Postgres gives each backend a session of its own, so a group is not enough."""
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _signal_all(processes: Sequence[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        try:
            process.send_signal(number)
        except psutil.NoSuchProcess:
            continue


async def _end_all(processes: Sequence[psutil.Process]) -> None:
    """Parent first: a postmaster that sees a dead child would begin a recovery of its own."""
    _signal_all(processes, signal.SIGKILL)
    deadline = time.monotonic() + KILL_DEADLINE_SECONDS
    while any(_alive(process) for process in processes):
        if time.monotonic() > deadline:
            raise StackError(f"processes {[process.pid for process in processes]} survive SIGKILL: see `ps -ef`")
        await asyncio.sleep(POLL_SECONDS)


def _alive(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _stopped(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_STOPPED)
    except psutil.NoSuchProcess:
        return True


async def end_process_tree(pid: int, number: signal.Signals, deadline_seconds: float) -> None:
    """End a process that is not our child: ask with the signal, SIGKILL its tree at the deadline."""
    processes = _tree(pid)
    _signal_all(processes[:1], number)
    deadline = time.monotonic() + deadline_seconds
    while time.monotonic() < deadline and any(_alive(process) for process in processes):
        await asyncio.sleep(POLL_SECONDS)
    await _end_all([process for process in processes if _alive(process)])
