"""What an agent tells is what telemetry can read."""

from collections.abc import Iterator

import pytest

from flyball import sdk
from flyball.schemas.envelope import read_agent_event
from flyball.sdk.client import Client
from flyball.sdk.levels import Levels
from flyball.sdk.outbox import Letter
from flyball.sdk.settings import SdkSettings


class Kept:
    """An outbox that keeps everything."""

    dropped = 0

    def __init__(self) -> None:
        self.letters: list[Letter] = []

    def put(self, letter: Letter) -> bool:
        self.letters.append(letter)
        return True

    def close(self, seconds_max: float) -> int:
        return 0


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[Kept]:
    outbox = Kept()
    settings = SdkSettings(kafka="unused:9", system="support", release="2.1.0", tenant="acme")
    monkeypatch.setitem(sdk._state, "client", Client(settings, outbox, Levels({}), None))
    yield outbox
    sdk._close()


def test_an_interaction(kept: Kept) -> None:
    with sdk.run(session_id="s-1", segment={"market": "de"}):
        for _ in range(2):
            with sdk.llm(model="large-1", provider="p") as call:
                call.first_token()
                call.used(input_tokens=3, output_tokens=4, cost_micro_usd=5)
        sdk.escalate("unsure")
        sdk.outcome("ok", confidence=0.5, autonomous=False)
    (letter,) = kept.letters
    event = read_agent_event(*letter.write())
    assert (letter.topic, letter.key, event.subject, event.tenant) == ("agent.events.v1", "support", "support", "acme")
    told = event.data
    assert (told.input_tokens, told.output_tokens, told.cost_micro_usd, told.model) == (6, 8, 10, "large-1")
    assert (told.outcome, told.escalated, told.autonomous, told.segment) == ("ok", True, False, {"market": "de"})
    assert told.release == "2.1.0"


def test_an_error_is_the_outcome(kept: Kept) -> None:
    with pytest.raises(KeyError), sdk.run():
        raise KeyError("x")
    assert read_agent_event(*kept.letters[0].write()).data.outcome == "KeyError"


async def test_interactions_side_by_side_do_not_mix(kept: Kept) -> None:
    import asyncio

    async def one(tokens: int) -> None:
        async with sdk.run(interaction_id=f"i-{tokens}"), sdk.llm() as call:
            await asyncio.sleep(0.001 * tokens)
            call.used(input_tokens=tokens)

    await asyncio.gather(*(one(n) for n in range(1, 6)))
    told = [read_agent_event(*letter.write()).data for letter in kept.letters]
    assert {event.interaction_id: event.input_tokens for event in told} == {f"i-{n}": n for n in range(1, 6)}


def test_without_levels_a_guard_asks_and_says_no(kept: Kept) -> None:
    with sdk.guard("orders", "order.cancel", "order/1") as permit:
        assert (permit.allowed, permit.verdict) == (False, "require_approval")
    assert [letter.topic for letter in kept.letters] == ["agent.actions.v1"]
