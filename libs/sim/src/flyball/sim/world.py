"""One simulated world: a clock, a seed, the processes in it, and a trace of what happened."""

import asyncio
import hashlib
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, TypeVar

from flyball.sim.loop import VirtualLoop, run_virtual
from flyball.sim.process import CALM, Faults, Main, Process

Result = TypeVar("Result")
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
"""What the simulated clock shows at the start."""


class World:
    """Everything that happens in one run, decided by one seed."""

    def __init__(self, seed: int, faults: Faults = CALM) -> None:
        self.seed = seed
        self.faults = faults
        self.random = self.stream("network")
        self.loop = VirtualLoop(self.stream("schedule"))
        self.processes: list[Process] = []
        self.operations = 0
        """I/O operations asked for so far."""
        self._trace: list[tuple[float, str, str]] = []
        self._outcome: asyncio.Future[None] = self.loop.create_future()

    def stream(self, name: str) -> Random:
        """A source of randomness of its own, so that the draws of one part do not shift another's."""
        return Random(f"{self.seed}/{name}")

    def now(self) -> datetime:
        """The simulated wall clock."""
        return EPOCH + timedelta(seconds=self.loop.time())

    def note(self, who: str, what: str) -> None:
        """Write a line into the trace."""
        self._trace.append((self.loop.time(), who, what))

    def trace(self) -> list[str]:
        """What happened: simulated seconds, who, what."""
        return [f"{seconds:11.6f} {who:<20} {what}" for seconds, who, what in self._trace]

    def digest(self) -> str:
        """The same for two runs in which the same happened at the same moments."""
        return hashlib.sha256("\n".join(self.trace()).encode()).hexdigest()

    def process(self, name: str, main: Main) -> Process:
        """Start a program under a supervisor."""
        process = Process(self, name, main)
        self.processes.append(process)
        process.start()
        return process

    def run(self, scenario: Coroutine[Any, Any, Result]) -> Result:
        """Run a scenario to its end. Raises what it raises, or the first bug of any process."""
        return run_virtual(self.loop, self._watched(scenario), self._release)

    def fail(self, error: BaseException) -> None:
        """End the run: there is a bug."""
        if not self._outcome.done():
            self.note("world", f"bug: {type(error).__name__}: {error}")
            self._outcome.set_exception(error)

    def outside(self, delay_seconds: float, action: Callable[..., object], *arguments: object) -> None:
        """Do something later that belongs to no process: on a server, or by the operating system."""
        self.loop.call_outside(self.loop.time() + delay_seconds, action, *arguments)

    def outside_at(self, seconds: float, action: Callable[..., object], *arguments: object) -> None:
        """As ``outside``, at a moment; actions of the same moment keep their order."""
        self.loop.call_outside(seconds, action, *arguments)

    def calm_down(self) -> None:
        """From now on nothing goes wrong any more, and who is paused goes on."""
        self.note("world", "calm")
        self.faults = CALM
        for process in self.processes:
            process.resume()

    async def until(self, reached: Callable[[], bool], seconds_max: float, what: str) -> None:
        """Wait for a condition. Raises ``AssertionError`` unless it comes about within ``seconds_max``, simulated."""
        deadline = self.loop.time() + seconds_max
        while not reached():
            if self.loop.time() > deadline:
                raise AssertionError(f"{what}: not within {seconds_max:.0f} simulated seconds")
            await asyncio.sleep(0.5)

    async def _watched(self, scenario: Coroutine[Any, Any, Result]) -> Result:
        task: asyncio.Task[Result] = self.loop.create_task(scenario, name="scenario")
        task.add_done_callback(lambda _: settle(self._outcome))
        await self._outcome
        return task.result()

    def _release(self) -> None:
        for process in self.processes:
            process.release()


def settle(future: "asyncio.Future[None]") -> None:
    """Wake who waits, if nothing else has."""
    if not future.done():
        future.set_result(None)
