"""No decision lost or doubled, every action ends once, one page an epoch, the audit chain whole, whatever dies."""

import os

import pytest

from tests.chaos.journal import Journal
from tests.chaos.loop.storm import LoopStorm, run

SEED = int(os.environ.get("FLYBALL_CHAOS_SEED", "20261121"))


@pytest.mark.chaos
@pytest.mark.timeout(500)
async def test_the_whole_loop_holds_while_everything_dies() -> None:
    """The short form of `make chaos`."""
    journal = Journal()
    await run(
        LoopStorm(SEED, events=5_000, actions=120, troubles=20, kills=8, gap_seconds=(1.0, 3.0), zombies=1), journal
    )
    assert not journal.wrong, f"with FLYBALL_CHAOS_SEED={SEED}:\n{journal.table()}"
