"""A target on the simulated network: ``RedisTarget`` line by line, and the same with a fault."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flyball.sim.keeper import MemoryMap
from flyball.sim.process import CALM
from flyball.sim.world import World
from rollback_executor.domain.rollout import Pointer
from rollback_executor.ports import TargetName, TargetRefusedError

OK = "ok"


OFTEN, SLOW_SECONDS_MAX = 0.3, 12.0
"""A target may be far away: an order is then under way while the next one is given."""


class FarMap(MemoryMap):
    def travel_seconds(self) -> float:
        if self.world.faults is not CALM and self.world.random.random() < OFTEN:
            return self.world.random.uniform(0, SLOW_SECONDS_MAX)
        return super().travel_seconds()


@dataclass(frozen=True, slots=True)
class Move:
    """The pointer as it stood from ``seconds`` on."""

    seconds: float
    epoch: int
    token: Pointer


@dataclass(slots=True)
class PointerServer:
    """Holds one pointer, and remembers each of its moves for those who judge a run."""

    world: World
    lies: bool = False
    """Says yes to a pointer without a candidate, and does nothing."""
    memory: MemoryMap = field(init=False)
    moves: list[Move] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.memory = FarMap(self.world, "pointer")

    def at(self, seconds: float) -> Pointer | None:
        """What it held at a moment."""
        held = [move.token for move in self.moves if move.seconds <= seconds]
        return held[-1] if held else None

    def admits(self, epoch: int, token: Pointer) -> bool:
        if not self.moves:
            return True
        last = self.moves[-1]
        return epoch > last.epoch or (epoch, token) == (last.epoch, last.token)

    def move(self, epoch: int, token: Pointer) -> str | int:
        """The script: compare and set."""
        if not self.admits(epoch, token):
            return self.moves[-1].epoch
        if self.lies and token.candidate is None:
            return OK
        if not self.moves or (epoch, token) != (self.moves[-1].epoch, self.moves[-1].token):
            self.moves.append(Move(self.world.loop.time(), epoch, token))
        return OK


class MovesWithoutEpoch(PointerServer):
    """The planted bug: whoever speaks last is right, however old the order is."""

    def admits(self, epoch: int, token: Pointer) -> bool:
        del epoch, token
        return True


@dataclass(frozen=True, slots=True)
class SimulatedTarget:
    """``ports.Target`` over the network."""

    server: PointerServer
    supports_partial: bool = True

    async def snapshot(self) -> Pointer | None:
        return await self.server.memory.run("snapshot", self._held)

    async def apply(self, token: Pointer, epoch: int) -> None:
        answer = await self.server.memory.run(f"apply epoch {epoch}", lambda _: self.server.move(epoch, token))
        if answer != OK:
            raise TargetRefusedError(f"the pointer is at epoch {answer}, this order has {epoch}")

    async def observe(self) -> Mapping[str, str]:
        held = await self.server.memory.run("observe", self._held)
        return {"pointer": held.stable} if held else {}

    def _held(self, _: dict[Any, Any]) -> Pointer | None:
        return self.server.moves[-1].token if self.server.moves else None


@dataclass(frozen=True, slots=True)
class SimulatedTargets:
    server: PointerServer

    def target(self, adapter: str, name: TargetName) -> SimulatedTarget | None:
        del name
        return SimulatedTarget(self.server) if adapter == "simulated" else None

    def known(self) -> Sequence[str]:
        return ["simulated"]
