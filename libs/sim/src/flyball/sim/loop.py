"""An event loop without a clock of its own: time jumps to the next timer, and one seed gives one order of events."""

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextvars import Context, ContextVar
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol, TypeVar, TypeVarTuple

Arguments = TypeVarTuple("Arguments")
Result = TypeVar("Result")


@dataclass(slots=True)
class Outside:
    """Something that happens to no process: on a server, or in the operating system. Lighter than a handle."""

    action: Callable[..., object]
    arguments: tuple[object, ...]

    def cancelled(self) -> bool:
        return False

    def _run(self) -> None:
        self.action(*self.arguments)


Callback = asyncio.Handle | Outside


class Gate(Protocol):
    """Whose callbacks these are: a simulated process, which may be paused or dead."""

    def admits(self, callback: Callback) -> bool:
        """Whether the callback may run now; if not, the gate keeps it."""
        ...


GATE: ContextVar[Gate | None] = ContextVar("gate", default=None)
"""Tasks and timers inherit their context, so every callback knows the process it belongs to."""
TIDY_STEPS_MAX = 1_000_000
Entry = tuple[Gate | None, Callback]


class StuckError(Exception):
    """Nothing is left to happen, or far too much: the system under test can never come to an end."""


class VirtualLoop(asyncio.BaseEventLoop):
    """Runs until nothing is left to do; there are no sockets, threads, signals or sleeping in it."""

    def __init__(self, random: Random, steps_max: int = 3_000_000) -> None:
        super().__init__()
        self.tasks: list[asyncio.Task[Any]] = []
        """Every task that is not done yet, oldest first; and some that are."""
        self.open = False
        """Once open, gates hold nothing back any more: the run is over and is tidied up."""
        self._random = random
        self._steps_left = steps_max
        self._now = 0.0
        self._soon: list[Entry] = []
        self._timers: list[tuple[float, int, Gate | None, Callback]] = []
        self._timer_count = 0
        self._prune_at = 64

    def time(self) -> float:
        """Simulated seconds since the start."""
        return self._now

    def call_soon(
        self, callback: Callable[[*Arguments], object], *args: *Arguments, context: Context | None = None
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._soon.append((_gate_of(context), handle))
        return handle

    def call_at(
        self,
        when: float,
        callback: Callable[[*Arguments], object],
        *args: *Arguments,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        self._timer_count += 1
        # The count makes timers of the same instant fire in the order of their making.
        heapq.heappush(self._timers, (when, self._timer_count, _gate_of(context), timer))
        return timer

    def call_outside(self, when: float, action: Callable[..., object], *arguments: object) -> None:
        """Do something at a moment that belongs to no process. What it raises ends the run."""
        self._timer_count += 1
        heapq.heappush(self._timers, (when, self._timer_count, None, Outside(action, arguments)))

    def call_soon_threadsafe(
        self, callback: Callable[[*Arguments], object], *args: *Arguments, context: Context | None = None
    ) -> asyncio.Handle:
        return self.call_soon(callback, *args, context=context)

    def create_task(self, coro: Any, *, name: object = None, context: Context | None = None) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = super().create_task(coro, name=name, context=context)
        self.tasks.append(task)
        if len(self.tasks) > self._prune_at:
            self.tasks = [task for task in self.tasks if not task.done()]
            self._prune_at = 2 * len(self.tasks) + 64
        return task

    def run_in_executor(
        self, executor: Any, func: Callable[[*Arguments], Result], *args: *Arguments
    ) -> "asyncio.Future[Result]":
        raise NotImplementedError("a thread would end determinism; run this outside of the simulation")

    def tidy_up(self) -> None:
        """The run is over: from here on no gate holds anything back."""
        self.open = True
        self._steps_left = TIDY_STEPS_MAX

    def readmit(self, gate: Gate, callbacks: Iterable[Callback]) -> None:
        """Queue callbacks again that a gate had kept."""
        self._soon.extend((gate, callback) for callback in callbacks)

    def _run_once(self) -> None:
        timers = self._timers
        if not self._soon:
            self._jump()
        while timers and timers[0][0] <= self._now:
            _, _, gate, timer = heapq.heappop(timers)
            if not timer.cancelled():
                self._soon.append((gate, timer))
        self._steps_left -= len(self._soon)
        if self._steps_left < 0:
            raise StuckError(f"still busy after {self._now:.0f} simulated seconds; look for a loop that never waits")
        ready, self._soon = self._soon, []
        self._run(iter(ready if len(ready) == 1 else self._mixed(ready)))

    def _run(self, entries: Iterator[Entry]) -> None:
        try:
            for gate, callback in entries:
                if not callback.cancelled() and (gate is None or self.open or gate.admits(callback)):
                    callback._run()  # noqa: SLF001 - what a loop does with a handle
        except BaseException:
            # A bug outside of every process ends the run; the others must still be able to come to their ends.
            self._soon.extend(entries)
            raise

    def _jump(self) -> None:
        while self._timers and self._timers[0][3].cancelled():
            heapq.heappop(self._timers)
        if not self._timers:
            raise StuckError(f"nothing is left to happen after {self._now:.3f} simulated seconds")
        self._now = max(self._now, self._timers[0][0])

    def _mixed(self, ready: list[Entry]) -> Iterable[Entry]:
        """Any order between processes, but asyncio's own order within each: programs may rely on that."""
        queues: dict[Gate | None, deque[Entry]] = {}
        for entry in ready:
            queues.setdefault(entry[0], deque()).append(entry)
        if len(queues) == 1:
            return ready
        order = [gate for gate, _ in ready]
        self._random.shuffle(order)
        return [queues[gate].popleft() for gate in order]


def _gate_of(context: Context | None) -> Gate | None:
    return GATE.get() if context is None else context.get(GATE, None)


def run_virtual(
    loop: VirtualLoop, main: Coroutine[Any, Any, Result], release: Callable[[], None] = lambda: None
) -> Result:
    """Run ``main`` to its end, then let all other tasks of the loop end too; ``release`` frees what gates have kept."""
    try:
        return loop.run_until_complete(main)
    finally:
        loop.tidy_up()
        loop.run_until_complete(_end_all(loop, release))
        loop.close()


async def _end_all(loop: VirtualLoop, release: Callable[[], None]) -> None:
    attempts_max = 200
    for _ in range(attempts_max):
        pending = [task for task in loop.tasks if not task.done() and task is not asyncio.current_task()]
        if not pending:
            return
        for task in pending:
            task.cancel()
        # Not before they are cancelled: the dead must not hear good news and act on it.
        release()
        await asyncio.sleep(0)
    raise StuckError(f"tasks that do not end when cancelled: {pending}")
