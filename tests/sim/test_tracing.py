"""Traces under many seeds: one interaction each, the one that an undisturbed reader tells, and no span is lost."""

import os
from dataclasses import dataclass
from typing import Any

import pytest

from flyball.sim.process import Faults
from flyball.sim.seeds import first_failure, run_seed
from tests.sim.planted import CommitsBeforeEffect
from tests.sim.tracing.memory import MemoryTraces
from tests.sim.tracing.world import Tracing

SEEDS = int(os.environ.get("FLYBALL_SIM_SEEDS", "40")) // 10
CHUNK = 10
PLANTED_SEEDS_MAX = 40
COMMAND = "python -m tests.sim --system tracing --seed {seed}"


@dataclass(frozen=True, slots=True)
class LocksNothing(MemoryTraces):
    """Reads traces without holding them; the later of two batches overwrites the earlier."""

    async def load(self, trace_ids: Any) -> Any:
        found = {one: await self.transaction.get("traces", one) for one in sorted(trace_ids)}
        return {one: self._read(one, row) for one, row in found.items() if row is not None}


PLANTED = {
    "commit before effect": Tracing(processor_type=CommitsBeforeEffect),
    "traces are not held": Tracing(traces=LocksNothing),
}

pytestmark = pytest.mark.seeds


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_each_trace_is_told_once_and_every_span_is_accounted_for(first: int) -> None:
    """Invariants 1 (conservation) and 2 (replay)."""
    for seed in range(first, min(first + CHUNK, SEEDS)):
        run_seed(Tracing(), seed, Faults(), COMMAND)


@pytest.mark.parametrize("bug", PLANTED)
def test_the_simulation_finds_it(bug: str) -> None:
    failure = first_failure(PLANTED[bug], range(PLANTED_SEEDS_MAX), Faults())
    assert failure is not None, f"{PLANTED_SEEDS_MAX} seeds did not find: {bug}"
    print(f"\n{bug}: found by seed {failure.seed}: {failure.__cause__}")
