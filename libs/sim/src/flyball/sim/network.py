"""The network between processes and servers: slow, lossy, and fatal at times."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from inspect import iscoroutine
from typing import Any

from flyball.sim.process import CALM, Faults, Life, State, current_life
from flyball.sim.world import World
from flyball.store.errors import Transient

NEVER_SENT = 0.5
"""Share of the last words of dead processes that stayed in their buffers."""
MISHAPS = ("refused", "lost", "kill", "stop", "pause", "outage")


@dataclass(slots=True)
class Request:
    """A question under way to a server."""

    life: Life | None
    what: str
    effect: Callable[[], Any]
    answer: "asyncio.Future[Any]"
    back_seconds: float
    lost: bool


class Server:
    """Something on the network that may be away for a while, and keeps what it has acknowledged."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self._away_until = 0.0

    @property
    def away(self) -> bool:
        return self.world.loop.time() < self._away_until

    def crash(self, seconds: float) -> None:
        """Die, and come back after ``seconds``."""
        self.world.note(self.name, f"away for {seconds:.1f} s")
        self._away_until = self.world.loop.time() + seconds
        self.on_crash()

    def on_crash(self) -> None:
        """Forget what was not acknowledged."""

    async def call(self, what: str, effect: Callable[[], Any]) -> Any:
        """Have ``effect`` happen on this server, asked for by the current process; any fault may strike on the way.

        ``effect`` returns its answer or a coroutine that does. It may happen after the process has died, and its answer
        may be lost. Raises ``Transient`` for what the network does, and whatever ``effect`` raises.
        """
        world = self.world
        if world.loop.open:
            raise asyncio.CancelledError("the run is over")
        world.operations += 1
        life = current_life()
        there, back = self.travel_seconds(), self.travel_seconds()
        mishap = self.strike(life, there + back)
        answer: asyncio.Future[Any] = world.loop.create_future()
        request = Request(life, what, effect, answer, back, lost=mishap == "lost")
        if mishap == "refused":
            world.outside(there, self._answer, request, None, Transient(f"{self.name} did not get it"))
        else:
            world.outside(there, self._serve, request)
        return await answer

    def travel_seconds(self) -> float:
        """How long one way takes this time."""
        chance, faults = self.world.random.random(), self.world.faults
        if chance < faults.slow:
            return self.world.random.uniform(0, faults.slow_seconds_max)
        return chance * faults.delay_seconds_max

    def strike(self, life: Life | None, within_seconds: float) -> str | None:
        """Choose what goes wrong with an operation; process and server faults strike at some moment of it."""
        random, faults = self.world.random, self.world.faults
        if life is None or faults is CALM:
            return None
        mishap, moment, process = _drawn(random.random(), faults), random.uniform(0, within_seconds), life.process
        if mishap == "kill":
            self.world.outside(moment, process.kill, life)
        elif mishap == "stop":
            self.world.outside(moment, process.stop)
        elif mishap == "pause":
            self.world.outside(moment, process.pause, random.uniform(0, faults.pause_seconds_max))
        elif mishap == "outage":
            self.world.outside(moment, self.crash, random.uniform(0, faults.outage_seconds_max))
        return mishap

    def never_sent(self, life: Life | None) -> bool:
        """Whether the last words of a dead process stayed in its buffers."""
        return life is not None and life.state is State.DEAD and self.world.random.random() < NEVER_SENT

    def _serve(self, request: Request) -> None:
        if self.never_sent(request.life):
            return
        if self.away:
            self._answer(request, None, Transient(f"{self.name} is away"))
            return
        try:
            result = request.effect()
        except Exception as error:  # noqa: BLE001 - the answer of the server
            self._answer(request, None, error)
            return
        if iscoroutine(result):
            self._go_on(request, result)
        else:
            self._answer(request, result, None)

    def _go_on(self, request: Request, effect: Coroutine[Any, Any, Any]) -> None:
        """Run a coroutine up to its next wait. Most never wait, and a task for each would double the time of a run."""
        try:
            awaited = effect.send(None)
        except StopIteration as stop:
            self._answer(request, stop.value, None)
        except Exception as error:  # noqa: BLE001 - the answer of the server
            self._answer(request, None, error)
        else:
            awaited.add_done_callback(lambda _: self._go_on(request, effect))

    def _answer(self, request: Request, result: Any, error: BaseException | None) -> None:
        if request.lost:
            error = Transient(f"the answer of {self.name} was lost")
        who = request.life.process.name if request.life else "harness"
        self.world.note(who, f"{self.name}: {request.what}{f': {error}' if error else ''}")
        self.world.outside(request.back_seconds, _settle, request.answer, result, error)


def _drawn(chance: float, faults: Faults) -> str | None:
    for mishap in MISHAPS:
        chance -= getattr(faults, mishap)
        if chance < 0:
            return mishap
    return None


def _settle(answer: "asyncio.Future[Any]", result: Any, error: BaseException | None) -> None:
    if answer.done():
        return
    if error is None:
        answer.set_result(result)
    else:
        answer.set_exception(error)
