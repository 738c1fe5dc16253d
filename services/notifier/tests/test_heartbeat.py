"""The outside checker hears of us for as long as alerts would be told, and nothing as soon as they might not be."""

from datetime import timedelta

import httpx
import pytest
from notifier_builders import fires
from notifier_on_postgres import settings_of, world

from flyball.observe.health import Health
from flyball.observe.settings import SettingsError
from notifier.adapters.reading import stuck_since
from notifier.app import heartbeat
from notifier.heartbeat import Heartbeat
from tests.stub_providers import provider

DSN = "postgresql://nobody@127.0.0.1:1/none"


async def test_the_checker_hears_unless_something_stands_in_the_way() -> None:
    ways: list[str | None] = [None, "alerts.v1 holds no partition yet", None, None]

    async def stands_in_the_way() -> str | None:
        return ways.pop(0)

    with provider((202, {}), (500, {}), (0, {})) as checker:
        async with httpx.AsyncClient() as client:
            beats = Heartbeat(client, f"{checker.url}/secret", 60, stands_in_the_way)
            heard = [await beats.beat() for _ in range(4)]
    assert heard == [True, False, False, False]
    assert checker.bodies() == [{"service": "notifier"}] * 3


@pytest.mark.parametrize("url", ["http://checker.example.com/x", "ftp://x", "x"])
def test_its_address_leaves_over_tls_alone(url: str) -> None:
    with pytest.raises(SettingsError):
        settings_of(DSN, notifier_heartbeat_url=url)
    assert "secret" not in repr(settings_of(DSN, notifier_heartbeat_url="https://checker.example.com/secret"))
    assert settings_of(DSN, notifier_heartbeat_url="").notifier_heartbeat_url is None


@pytest.mark.stack
async def test_what_is_stuck_silences_it(postgres_dsn: str) -> None:
    with provider() as checker, provider() as slack:
        given = {"notifier_heartbeat_url": checker.url, "slack_webhook_url": slack.url}
        async with world(postgres_dsn, **given) as notifier:
            healthy = Health(started=True)
            async with heartbeat(notifier.settings, healthy, notifier.database) as beats:
                assert beats is not None
                assert await stuck_since(notifier.database) is None
                assert await beats.beat(), "nothing waits"
                # The tests' clock is hours behind: what should be told was due long ago, and nobody tells it.
                await notifier.take(fires(0))
                assert not await beats.beat()
                await notifier.tick(30)
                assert not await beats.beat(), "it is decided, and not sent"
                assert await stuck_since(notifier.database) == notifier.clock.now
                await notifier.deliver()
                since = await stuck_since(notifier.database)
                assert since is None or since > notifier.clock.now + timedelta(seconds=60)
            healthy.started = False
            async with heartbeat(notifier.settings, healthy, notifier.database) as beats:
                assert beats is not None
                assert not await beats.beat()
    assert len(checker.got) == 1
