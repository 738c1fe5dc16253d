"""Invariant 1, Conservation: published = counted + duplicates + rejected, whatever dies; balances to the point."""

import os

import pytest

from tests.chaos.journal import Journal
from tests.chaos.storm import Storm, run

SEED = int(os.environ.get("FLYBALL_CHAOS_SEED", "20261121"))


@pytest.mark.chaos
@pytest.mark.timeout(400)
async def test_nothing_is_lost_or_counted_twice_while_everything_dies() -> None:
    """The short form of `make chaos`."""
    journal = Journal()
    await run(Storm(SEED, events=30_000, kills=8, gap_seconds=(1.0, 2.5), zombies=1), journal)
    assert not journal.wrong, f"with FLYBALL_CHAOS_SEED={SEED}:\n{journal.table()}"
