"""What was over long ago is forgotten with all that belongs to it; what is open, or was lately, stays."""

from datetime import timedelta

import pytest
from notifier_builders import after, ends, fires
from notifier_on_postgres import World, world

from notifier.adapters.pruning import OF_INCIDENTS, prune
from notifier.domain.board import OVER
from notifier.pruner import Pruner
from tests.stub_providers import provider

pytestmark = pytest.mark.stack
DAY = 86_400.0


async def incident(notifier: World, name: str, at: float, *, over: bool = True) -> None:
    await notifier.take(fires(at, name, system=name))
    await notifier.tick(at + 30)
    await notifier.deliver()
    if over:
        await notifier.take(ends(at + 60, name, began=at, system=name))
        notifier.clock.to(at + 61)
        await notifier.deliver()


async def test_the_old_goes_and_the_rest_stays(postgres_dsn: str) -> None:
    with provider() as slack:
        async with world(postgres_dsn, slack_webhook_url=slack.url) as notifier:
            await incident(notifier, "open", 0, over=False)
            await incident(notifier, "old", 100)
            await incident(notifier, "new", 10 * DAY)
            pruner = Pruner(
                lambda before: prune(notifier.database, sorted(OVER), before),
                timedelta(days=5),
                lambda: after(10 * DAY + 100),
            )
            assert await pruner.once() > 1
            assert await pruner.once() == 0
            kept = {known.systems[0]: known.id for known in await notifier.incidents()}
            left = {
                table: {row["incident"] for row in await notifier.database.fetch(f"SELECT incident FROM {table}")}
                for table in OF_INCIDENTS
            }
            await notifier.take(ends(10 * DAY + 200, "open", began=0, system="open"))
            (over,) = [known for known in await notifier.incidents() if known.systems == ("open",)]
    assert kept.keys() == {"open", "new"}
    assert all(incidents == set(kept.values()) for incidents in left.values()), left
    assert over.state == "resolved", "what is open is still decided upon"
