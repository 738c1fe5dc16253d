"""Whatever happens to Flyball, nothing happens to the agent."""

import threading

import pytest

from flyball import sdk
from flyball.sdk.outbox import Letter, Outbox

NOBODY = {"bootstrap.servers": "127.0.0.1:9", "log_level": 0}


@pytest.fixture(autouse=True)
def forget(monkeypatch: pytest.MonkeyPatch):
    for name in ("FLYBALL_KAFKA", "FLYBALL_SYSTEM", "FLYBALL_URL", "FLYBALL_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sdk, "EXIT_SECONDS_MAX", 0.1)
    yield
    sdk._close()


def work() -> bool:
    with sdk.run(session_id="s"), sdk.llm(model="m") as call:
        call.first_token()
        call.used(input_tokens=3, output_tokens=4, cost_micro_usd=5)
        sdk.outcome("ok", confidence=0.9)
        sdk.escalate("unsure")
        with sdk.guard("orders", "order.cancel", "order/1", {"why": "x"}) as permit:
            return bool(permit)


def test_unconfigured_it_does_nothing() -> None:
    assert not sdk.init()
    assert work()
    assert sdk.flush() == 0


def test_without_a_broker_it_holds_nobody_up_and_a_write_does_not_run() -> None:
    assert sdk.init(system="support", kafka="127.0.0.1:9")
    assert not work()
    assert sdk.flush(0.05) > 0


def test_what_the_agent_raises_goes_through() -> None:
    sdk.init(system="support", kafka="127.0.0.1:9")
    with pytest.raises(ZeroDivisionError), sdk.run(), sdk.guard("orders", "order.read", "1", write=False):
        raise ZeroDivisionError


@pytest.mark.parametrize("bad", [{"action_class": "Not A Name"}, {"cost_micro_usd": "much"}, {"nonsense": object()}])
def test_a_guard_that_cannot_be_asked_says_no(bad: dict) -> None:
    sdk.init(system="support", kafka="127.0.0.1:9")
    given = {"action_class": "orders", "operation": "order.read", "target": object(), "write": False, **bad}
    with sdk.guard(**given) as permit:
        assert not permit.allowed


async def test_the_same_in_async() -> None:
    sdk.init(system="support", kafka="127.0.0.1:9")
    async with sdk.run(), sdk.llm(model="m") as call, sdk.guard("orders", "order.cancel", "1") as permit:
        call.used(input_tokens=1)
        assert not permit


def test_bad_figures_are_not_told_and_not_raised() -> None:
    sdk.init(system="support", kafka="127.0.0.1:9")
    with sdk.run(segment={"x": object()}), sdk.llm(model=object()) as call:
        call.used(input_tokens=-1)
        sdk.outcome(object())


def test_the_queue_is_bounded_and_counts_what_it_drops() -> None:
    stuck = threading.Event()

    def write():
        stuck.wait(5)
        raise ValueError("cannot be written")

    outbox = Outbox(NOBODY, 3)
    taken = [outbox.put(Letter("t", "k", write)) for _ in range(10)]
    assert sum(taken) in (3, 4)  # one may be in the hands of the thread
    assert outbox.dropped == 10 - sum(taken)
    stuck.set()
    assert outbox.flush(5) == 0
    assert outbox.dropped == 10
    outbox.close(1)


def test_there_are_ten_names_at_most() -> None:
    assert len(sdk.__all__) <= 10
