"""Batches side by side: each partition in its order, none behind a gap."""

import asyncio
from collections.abc import Sequence

import pytest

from flyball.bus.lanes import Lanes
from flyball.bus.records import Record


class Desk:
    """Notes what begins, and lets it end when told to."""

    def __init__(self, at_once: int) -> None:
        self.begun: list[tuple[int, int]] = []
        self.gates: list[asyncio.Future[None]] = []
        self.lanes = Lanes(self._take, at_once)

    async def _take(self, partition: int, records: Sequence[Record]) -> None:
        self.begun.append((partition, records[0].offset))
        gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.gates.append(gate)
        await gate

    def put(self, partition: int, offset: int) -> "asyncio.Task[None]":
        records = [Record("t", partition, offset, 0, None, b"", ())]
        return asyncio.create_task(self.lanes.put(partition, records, self.lanes.stand([partition])))


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_partitions_are_dealt_with_side_by_side_and_each_in_its_order() -> None:
    desk = Desk(at_once=2)
    puts = [desk.put(0, 1), desk.put(1, 1)]
    await settled()
    waiting = desk.put(0, 2)
    await settled()
    assert desk.begun == [(0, 1), (1, 1)]
    desk.gates[1].set_result(None)
    await settled()
    assert not waiting.done()
    desk.gates[0].set_result(None)
    await settled()
    assert desk.begun == [(0, 1), (1, 1), (0, 2)]
    desk.gates[2].set_result(None)
    await asyncio.gather(*puts, waiting, desk.lanes.end())


async def test_records_that_were_fetched_before_the_consumer_was_moved_are_not_taken() -> None:
    desk = Desk(at_once=2)
    await desk.put(0, 1)
    waiting = desk.put(0, 2)
    await settled()
    desk.lanes.moved(0)
    desk.gates[0].set_result(None)
    await waiting
    await desk.lanes.end()
    assert desk.begun == [(0, 1)]


async def test_what_a_batch_raises_is_told_to_whoever_comes_next() -> None:
    desk = Desk(at_once=1)
    await desk.put(0, 1)
    await settled()
    desk.gates[0].set_exception(ValueError("broken"))
    with pytest.raises(ValueError, match="broken"):
        await desk.put(1, 1)
