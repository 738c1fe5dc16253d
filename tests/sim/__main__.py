"""Tells one run of the simulation step by step: ``python -m tests.sim --seed 7``."""

import argparse
import logging
import sys

from flyball.sim.process import Faults
from flyball.sim.seeds import Scenario, SeedFailedError, run_seed
from flyball.sim.world import World
from tests.sim.counting import Counting
from tests.sim.paging.world import Paging
from tests.sim.permission.world import Permission
from tests.sim.projections.world import Projections
from tests.sim.records.world import Records
from tests.sim.rollouts.world import FAULTS, Rollouts
from tests.sim.tracing.world import Tracing
from tests.sim.whole import Whole

SYSTEMS: dict[str, tuple[type[Scenario], Faults]] = {
    "whole": (Whole, Faults()),
    "counting": (Counting, Faults()),
    "rollouts": (Rollouts, FAULTS),
    "permission": (Permission, Faults()),
    "paging": (Paging, Faults()),
    "records": (Records, Faults()),
    "projections": (Projections, Faults()),
    "tracing": (Tracing, Faults()),
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.sim", description=__doc__)
    parser.add_argument("--seed", type=int, required=True, help="which run; the same seed is always the same run")
    parser.add_argument("--system", choices=SYSTEMS, default="whole", help="what is simulated")
    arguments = parser.parse_args()
    logging.disable(logging.CRITICAL)
    scenario, faults = SYSTEMS[arguments.system]
    try:
        world = run_seed(scenario(), arguments.seed, faults)
    except SeedFailedError as failure:
        tell(failure.world)
        print(f"\nseed {failure.seed} fails: {type(failure.__cause__).__name__}: {failure.__cause__}")
        return 1
    tell(world)
    print(f"\nseed {arguments.seed} holds; digest {world.digest()}")
    return 0


def tell(world: World) -> None:
    print(f"{'seconds':>11} {'who':<20} what")
    print("\n".join(world.trace()))
    print(f"{world.operations} operations in {world.loop.time():.1f} simulated seconds")


if __name__ == "__main__":
    sys.exit(main())
