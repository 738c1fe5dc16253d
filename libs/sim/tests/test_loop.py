"""The loop: virtual time, one order for one seed, and an end to what never ends."""

import asyncio
import time
from contextvars import copy_context
from random import Random

import pytest

from flyball.sim.loop import GATE, StuckError, VirtualLoop, run_virtual


class Open:
    """A gate that keeps nothing."""

    def admits(self, handle: asyncio.Handle) -> bool:
        return True


def test_an_hour_passes_at_once() -> None:
    async def sleep() -> float:
        await asyncio.sleep(3600)
        return asyncio.get_running_loop().time()

    assert run_virtual(VirtualLoop(Random(1)), sleep()) == 3600


def test_timers_fire_by_time_and_those_of_one_moment_in_order() -> None:
    async def collect() -> list[str]:
        loop, fired = asyncio.get_running_loop(), []
        for seconds, name in ((2, "c"), (1, "a"), (1, "b")):
            loop.call_later(seconds, fired.append, name)
        await asyncio.sleep(3)
        return fired

    assert run_virtual(VirtualLoop(Random(1)), collect()) == ["a", "b", "c"]


def race(seed: int) -> list[int]:
    """Three processes that take turns, as one seed lets them."""

    async def step(process: int, turns: list[int]) -> None:
        for _ in range(3):
            turns.append(process)
            await asyncio.sleep(0)

    async def run() -> list[int]:
        turns: list[int] = []
        tasks = []
        for process in range(3):
            context = copy_context()
            context.run(GATE.set, Open())
            tasks.append(asyncio.get_running_loop().create_task(step(process, turns), context=context))
        for task in tasks:
            await task
        return turns

    return run_virtual(VirtualLoop(Random(seed)), run())


def test_a_seed_decides_who_of_several_processes_goes_first() -> None:
    assert race(1) == race(1)
    assert len({tuple(race(seed)) for seed in range(20)}) > 5


def test_within_a_process_callbacks_keep_their_order() -> None:
    async def collect() -> list[int]:
        called: list[int] = []
        for number in range(50):
            asyncio.get_running_loop().call_soon(called.append, number)
        await asyncio.sleep(0)
        return called

    assert run_virtual(VirtualLoop(Random(7)), collect()) == list(range(50))


def test_nothing_left_to_happen_is_an_error_not_a_hang() -> None:
    async def wait() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(StuckError, match="nothing is left to happen"):
        run_virtual(VirtualLoop(Random(1)), wait())


def test_a_loop_that_never_waits_is_an_error_not_a_hang() -> None:
    async def spin() -> None:
        while True:
            await asyncio.sleep(0)

    with pytest.raises(StuckError, match="never waits"):
        run_virtual(VirtualLoop(Random(1), steps_max=1_000), spin())


def test_threads_are_refused() -> None:
    async def work() -> None:
        await asyncio.to_thread(time.monotonic)

    with pytest.raises(NotImplementedError):
        run_virtual(VirtualLoop(Random(1)), work())


def test_everything_left_over_is_ended() -> None:
    ended = []

    async def linger() -> None:
        try:
            await asyncio.sleep(1_000)
        finally:
            ended.append(True)

    async def main() -> "asyncio.Task[None]":
        task = asyncio.ensure_future(linger())
        await asyncio.sleep(0)
        return task

    assert run_virtual(VirtualLoop(Random(1)), main()).cancelled()
    assert ended
