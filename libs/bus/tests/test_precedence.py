"""Records wait for what they are judged by."""

import asyncio

import pytest

from flyball.bus import precedence
from flyball.bus.errors import Transient
from flyball.bus.precedence import Precedence
from flyball.bus.subscription import Subscription, Wiring
from flyball.schemas.topics import REGISTRY_SYSTEMS, TELEMETRY_SUMMARIES


class Topic:
    """Caught up after so many looks."""

    def __init__(self, looks: int) -> None:
        self.looks = looks
        self.asked = 0

    async def caught_up(self) -> bool:
        self.asked += 1
        return self.asked > self.looks


@pytest.fixture(autouse=True)
def _no_time_to_lose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precedence, "POLL_SECONDS", 0.0)


async def test_a_batch_waits_until_every_topic_before_it_is_read() -> None:
    first, second = Topic(looks=3), Topic(looks=1)
    await Precedence([first.caught_up, second.caught_up]).wait()
    assert (first.asked, second.asked) == (4, 2)


async def test_one_look_is_enough_for_the_batches_of_a_few_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    topic = Topic(looks=0)
    gate = Precedence([topic.caught_up])
    await gate.wait()
    await gate.wait()
    assert topic.asked == 1
    monkeypatch.setattr(precedence, "LOOK_AGAIN_SECONDS", 0.0)
    await gate.wait()
    assert topic.asked == 2


async def test_whoever_watches_looks_ahead_so_that_no_batch_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = asyncio.Event()

    async def caught_up() -> bool:
        looked.set()
        return True

    gate = Precedence([caught_up])
    watch = asyncio.create_task(gate.watch())
    try:
        for _ in range(3):
            monkeypatch.setattr(precedence, "LOOK_AGAIN_SECONDS", 0.01)
            await asyncio.wait_for(looked.wait(), 10)
            looked.clear()
            monkeypatch.setattr(precedence, "LOOK_AGAIN_SECONDS", 60.0)
            await gate.wait()
            assert not looked.is_set()
    finally:
        watch.cancel()


async def test_waiting_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precedence, "WAIT_SECONDS_MAX", 0.01)
    with pytest.raises(Transient, match="not read to its end"):
        await asyncio.wait_for(Precedence([Topic(looks=1_000_000).caught_up]).wait(), 10)


async def _nothing(*_: object) -> None:
    return


def test_what_comes_first_must_be_subscribed_first() -> None:
    registry = Subscription(REGISTRY_SYSTEMS, _nothing)
    summaries = Subscription(TELEMETRY_SUMMARIES, _nothing, after=(REGISTRY_SYSTEMS,))
    Wiring("ledger", (registry, summaries), ())
    with pytest.raises(ValueError, match=r"subscribe to registry\.systems\.v1 before telemetry\.summaries\.v1"):
        Wiring("ledger", (summaries, registry), ())
