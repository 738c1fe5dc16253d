"""Processes: nothing runs after death, nothing moves while frozen, and supervisors start again what may be started."""

import asyncio

import pytest

from flyball.sim.keeper import MemoryMap
from flyball.sim.process import Faults, current_life
from flyball.sim.world import World
from flyball.store.errors import Transient


def test_a_killed_process_never_does_another_thing_not_even_finally() -> None:
    world = World(1)
    redis = MemoryMap(world)
    steps: list[str] = []

    async def main() -> None:
        try:
            steps.append("working")
            await redis.run("first", lambda values: values.update(first=True))
            await asyncio.sleep(10)
            steps.append("never")
        finally:
            steps.append("finally")
            await redis.run("second", lambda values: values.update(second=True))

    async def scenario() -> None:
        process = world.process("victim", main)
        await asyncio.sleep(1)
        process.kill()
        process.ended = True
        await asyncio.sleep(100)
        assert steps == ["working"]

    world.run(scenario())
    assert redis.values == {"first": True}


def test_a_paused_process_stands_still_and_goes_on_where_it_was() -> None:
    world = World(1)
    ticks: list[float] = []

    async def main() -> None:
        while True:
            await asyncio.sleep(1)
            ticks.append(world.loop.time())

    async def scenario() -> None:
        process = world.process("zombie", main)
        await asyncio.sleep(2.5)
        process.pause(100)
        await asyncio.sleep(7)
        assert ticks == [1, 2]
        process.resume()
        await asyncio.sleep(1.2)
        # The timer that had come due meanwhile fires at once.
        assert ticks == [1, 2, 9.5, 10.5]

    world.run(scenario())


def test_a_transient_death_is_answered_by_a_new_start_and_a_bug_by_the_end() -> None:
    world = World(1)
    starts: list[float] = []

    async def main() -> None:
        starts.append(world.loop.time())
        await asyncio.sleep(1)
        if len(starts) < 3:
            raise Transient("away for good")
        raise ZeroDivisionError("a bug")

    async def scenario() -> None:
        world.process("service", main)
        await asyncio.sleep(100)

    with pytest.raises(ZeroDivisionError):
        world.run(scenario())
    assert len(starts) == 3


def test_a_child_task_that_fails_takes_its_process_down() -> None:
    world = World(1)

    async def child() -> None:
        raise ZeroDivisionError("in a child")

    async def main() -> None:
        life = current_life()
        assert life is not None
        life.spawn(child(), "child")
        await asyncio.sleep(50)

    async def scenario() -> None:
        world.process("service", main)
        await asyncio.sleep(10)

    with pytest.raises(ZeroDivisionError):
        world.run(scenario())


@pytest.mark.parametrize(("polite", "ending"), [(True, "stopped"), (False, "killed")])
def test_a_process_that_does_not_stop_when_asked_is_killed(*, polite: bool, ending: str) -> None:
    world = World(1)

    async def main() -> None:
        life = current_life()
        assert life is not None
        await life.stopping
        if not polite:
            await asyncio.sleep(1_000)

    async def scenario() -> None:
        process = world.process("service", main)
        await asyncio.sleep(1)
        process.stop()
        await asyncio.sleep(world.faults.stop_seconds_max + 5)
        assert process.running

    world.run(scenario())
    assert [line.split()[2] for line in world.trace()] == ["start", "asked", ending, "start"]


def test_every_fault_strikes_sooner_or_later() -> None:
    world = World(1, Faults(refused=0.1, lost=0.1, kill=0.05, stop=0.05, pause=0.05, outage=0.05, slow=0.1))
    redis = MemoryMap(world)

    async def main() -> None:
        while True:
            try:
                await redis.run("count", lambda values: values.update(count=values.get("count", 0) + 1))
            except Transient:
                continue

    async def scenario() -> None:
        world.process("service", main)
        await asyncio.sleep(200)

    world.run(scenario())
    told = "\n".join(world.trace())
    for what in (
        "did not get it",
        "answer of redis was lost",
        "killed",
        "asked to stop",
        "paused",
        "away for",
        "start",
    ):
        assert what in told, what
