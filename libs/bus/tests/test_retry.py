import asyncio
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyball.bus.retry import Backoff, retried
from flyball.store.errors import Transient

QUICK = Backoff(base_seconds=1e-6, cap_seconds=1e-6, attempts_max=3)


@given(st.integers(0, 200), st.integers())
def test_pauses_are_within_their_bounds(attempt: int, seed: int) -> None:
    pause = Backoff().pause_seconds(attempt, Random(seed))
    assert 0 <= pause <= min(10.0, 0.1 * 2**attempt)


def failing(times: int, error: Exception) -> tuple[list[int], object]:
    calls: list[int] = []

    async def action() -> str:
        calls.append(len(calls))
        if len(calls) <= times:
            raise error
        return "done"

    return calls, action


async def test_a_transient_error_passes() -> None:
    calls, action = failing(2, Transient("away"))
    assert await retried("it", action, QUICK, Random(1)) == "done"  # type: ignore[arg-type]
    assert len(calls) == 3


async def test_attempts_are_bounded_and_the_last_error_is_told() -> None:
    calls, action = failing(99, Transient("still away"))
    with pytest.raises(Transient, match="still away"):
        await retried("it", action, QUICK, Random(1))  # type: ignore[arg-type]
    assert len(calls) == QUICK.attempts_max + 1


async def test_a_bug_is_not_retried() -> None:
    calls, action = failing(1, ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        await retried("it", action, QUICK, Random(1))  # type: ignore[arg-type]
    assert len(calls) == 1


async def test_a_cancelled_retry_ends_at_once() -> None:
    _, action = failing(99, Transient("away"))
    task = asyncio.ensure_future(retried("it", action, Backoff(base_seconds=1e9, cap_seconds=1e9), Random(1)))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
