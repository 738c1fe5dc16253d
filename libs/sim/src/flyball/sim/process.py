"""Simulated processes: killed at any await, frozen and thawed, stopped politely, started again."""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import Context, copy_context
from dataclasses import dataclass
from enum import Enum
from random import Random
from typing import Any, Protocol

from flyball.sim.loop import GATE, Callback, VirtualLoop
from flyball.store.errors import Transient

Main = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Faults:
    """What may go wrong. Chances hold for each I/O operation; ``CALM`` has none."""

    delay_seconds_max: float = 0.01
    slow: float = 0.01
    """Chance that an operation takes up to ``slow_seconds_max``."""
    slow_seconds_max: float = 2.0
    refused: float = 0.01
    """Chance that an operation fails and had no effect."""
    lost: float = 0.01
    """Chance that an operation had its effect but the answer is lost, so that it looks failed."""
    kill: float = 0.003
    stop: float = 0.001
    """Chance of a polite stop (SIGTERM) and a new start."""
    pause: float = 0.002
    """Chance of a freeze (SIGSTOP), often for longer than the session and idle-transaction time-outs."""
    outage: float = 0.0005
    """Chance that the server spoken to dies and is back after a while with what it had acknowledged."""
    pause_seconds_max: float = 12.0
    restart_seconds_max: float = 2.0
    outage_seconds_max: float = 4.0
    stop_seconds_max: float = 5.0
    """How long a process may take to stop politely before it is killed."""


CALM = Faults(slow=0, refused=0, lost=0, kill=0, stop=0, pause=0, outage=0)


class State(Enum):
    RUNNING = "running"
    PAUSED = "paused"
    DEAD = "dead"


class Life:
    """One incarnation of a process, from its start to its death. Nothing of it ever runs after its death."""

    def __init__(self, process: "Process", loop: VirtualLoop) -> None:
        self.process = process
        self.state = State.RUNNING
        self.stopping: asyncio.Future[None] = loop.create_future()
        """Done when the process was asked to stop."""
        self.on_death: dict[object, Callable[[], None]] = {}
        """What servers do when they see the connection break."""
        self.context: Context = copy_context()
        self.context.run(GATE.set, self)
        self._loop = loop
        self._kept: list[Callback] = []

    def admits(self, callback: Callback) -> bool:
        if self.state is State.RUNNING:
            return True
        # A dead process keeps its callbacks for ever, so that no ``finally`` of it runs before the run is over.
        self._kept.append(callback)
        return False

    def spawn(self, work: Any, name: str) -> "asyncio.Task[None]":
        """Run a coroutine in this process; if it fails, the process dies of it."""
        task: asyncio.Task[None] = self._loop.create_task(work, name=name, context=self.context)
        task.add_done_callback(self._on_end, context=self.context)
        return task

    def release(self) -> None:
        """Let everything that was kept happen now."""
        kept, self._kept = self._kept, []
        self._loop.readmit(self, kept)

    def _on_end(self, task: "asyncio.Task[None]") -> None:
        if self.state is State.RUNNING and not task.cancelled() and (error := task.exception()) is not None:
            self.process.crash(error)


class Host(Protocol):
    """The world in which processes live."""

    loop: VirtualLoop
    faults: Faults
    random: Random

    def note(self, who: str, what: str) -> None: ...

    def fail(self, error: BaseException) -> None:
        """End the run: there is a bug."""
        ...

    def outside(self, delay_seconds: float, action: Callable[..., object], *arguments: object) -> None:
        """Do something later that belongs to no process."""
        ...


class Process:
    """A program and its supervisor, which starts it again after each death until it has ended by itself."""

    def __init__(self, host: Host, name: str, main: Main) -> None:
        self.name = name
        self.life: Life | None = None
        """None between a death and the next start."""
        self.ended = False
        """The program has come to its end and is not started again."""
        self._lives: list[Life] = []
        self._host = host
        self._main = main

    @property
    def running(self) -> bool:
        return self.life is not None and self.life.state is State.RUNNING

    def start(self) -> None:
        if self.life is None and not self.ended:
            self._host.note(self.name, "start")
            self.life = Life(self, self._host.loop)
            self._lives.append(self.life)
            self.life.spawn(self._live(self.life), self.name)

    async def _live(self, life: Life) -> None:
        await self._main()
        asked = life.stopping.done()
        self._bury("stopped" if asked else "ended")
        if asked:
            self._restart_later()
        self.ended = not asked

    def crash(self, error: BaseException) -> None:
        """Die of an error; only ``Transient`` may be answered by a new start, everything else is a bug."""
        self._bury(f"died of {type(error).__name__}: {error}")
        if isinstance(error, Transient):
            self._restart_later()
        else:
            self._host.fail(error)

    def kill(self, life: Life | None = None) -> None:
        """SIGKILL, and a new start after a while. With ``life``: only if it still lives."""
        if self.life is not None and life in (None, self.life):
            self._bury("killed")
            self._restart_later()

    def restart(self) -> None:
        """SIGKILL, and a new start at once."""
        if self.life is not None:
            self._bury("killed")
        self.start()

    def pause(self, seconds: float) -> None:
        """SIGSTOP, and SIGCONT after ``seconds``."""
        life = self.life
        if life is not None and life.state is State.RUNNING:
            self._host.note(self.name, f"paused for {seconds:.1f} s")
            life.state = State.PAUSED
            self._host.outside(seconds, self.resume, life)

    def resume(self, life: Life | None = None) -> None:
        """SIGCONT."""
        life = life or self.life
        if life is not None and life.state is State.PAUSED:
            self._host.note(self.name, "resumed")
            life.state = State.RUNNING
            life.release()

    def stop(self) -> None:
        """SIGTERM, and SIGKILL if it has not ended in time."""
        life = self.life
        if life is not None and life.state is State.RUNNING and not life.stopping.done():
            self._host.note(self.name, "asked to stop")
            life.stopping.set_result(None)
            self._host.outside(self._host.faults.stop_seconds_max, self.kill, life)

    def release(self) -> None:
        """The run is over: let the code of all its lives come to an end."""
        for life in self._lives:
            life.release()

    def _bury(self, why: str) -> None:
        if self.life is None:
            return
        life, self.life = self.life, None
        self._host.note(self.name, why)
        life.state = State.DEAD
        for closed in life.on_death.values():
            self._host.outside(self._host.random.uniform(0, self._host.faults.delay_seconds_max), closed)

    def _restart_later(self) -> None:
        self._host.outside(self._host.random.uniform(0.05, self._host.faults.restart_seconds_max), self.start)


def current_life() -> Life | None:
    """The process whose code runs now; None for the harness itself."""
    gate = GATE.get()
    return gate if isinstance(gate, Life) else None
