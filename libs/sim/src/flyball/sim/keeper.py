"""A map in memory with the promises of a Redis that syncs each write: scripts are atomic, acknowledged writes stay."""

from collections.abc import Callable
from typing import Any, TypeVar

from flyball.sim.network import Server
from flyball.sim.world import World

Result = TypeVar("Result")


class MemoryMap(Server):
    """Keys and values that survive every process and every outage."""

    def __init__(self, world: World, name: str = "redis") -> None:
        super().__init__(world, name)
        self.values: dict[Any, Any] = {}

    async def run(self, what: str, script: Callable[[dict[Any, Any]], Result]) -> Result:
        """Run a script on the whole map; nobody sees it half done. It may have run although ``Transient`` is raised."""
        result: Result = await self.call(what, lambda: script(self.values))
        return result
