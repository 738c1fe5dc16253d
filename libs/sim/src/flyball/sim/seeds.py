"""Tries one seed after another, and says which one failed and how to see it again."""

from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from flyball.sim.process import Faults
from flyball.sim.world import World

Scenario = Callable[[World], Coroutine[Any, Any, None]]
"""Builds a system in a world, runs it, and raises ``AssertionError`` where an invariant is broken."""
TRACE_LINES = 40


class SeedFailedError(AssertionError):
    """A seed for which the system is wrong. ``seed`` and ``world`` tell the whole story."""

    def __init__(self, world: World, error: BaseException, command: str) -> None:
        story = "\n".join(world.trace()[-TRACE_LINES:])
        super().__init__(
            f"seed {world.seed}: {type(error).__name__}: {error}\nthe end of what happened:\n{story}\n"
            f"see all of it with: {command}"
        )
        self.seed = world.seed
        self.world = world


def run_seed(scenario: Scenario, seed: int, faults: Faults, command: str = "make sim SEED={seed}") -> World:
    """Run one seed and return its world. Raises ``SeedFailedError`` with the seed and the ``command`` to repeat it."""
    world = World(seed, faults)
    try:
        world.run(scenario(world))
    except Exception as error:
        raise SeedFailedError(world, error, command.format(seed=seed)) from error
    return world


def first_failure(scenario: Scenario, seeds: Iterable[int], faults: Faults) -> SeedFailedError | None:
    """The first seed that fails, or None."""
    for seed in seeds:
        try:
            run_seed(scenario, seed, faults)
        except SeedFailedError as failure:
            return failure
    return None
