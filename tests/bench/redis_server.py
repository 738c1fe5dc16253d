"""What Redis takes: bytes, and processor time of its process; and what keys of one value each would take instead."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import psutil

from flyball.store.redis import RedisClient
from tests.bench.servers import Bench

PIPELINE = 5_000
HORIZON_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Taken:
    """Of one step, in all."""

    bytes: int
    cpu_seconds: float

    def since(self, before: "Taken") -> "Taken":
        return Taken(self.bytes - before.bytes, self.cpu_seconds - before.cpu_seconds)


async def taken(running: Bench, client: RedisClient) -> Taken:
    """By Redis since it was started."""
    answer: Any = await client.info("memory")
    process = next(process for process in running.stack.processes if "Redis" in process.name)
    times = psutil.Process(process.pid).cpu_times()
    return Taken(int(answer["used_memory"]), float(times.user + times.system))


async def set_each(client: RedisClient, pairs: Iterable[tuple[bytes, bytes]]) -> None:
    """What one would write first: a key for each, which expires, if it is not there."""
    for some in _some(pairs):
        pipeline = client.pipeline(transaction=False)
        for key, value in some:
            pipeline.set(key, value, nx=True, ex=HORIZON_SECONDS)
        await pipeline.execute()


async def get_each(client: RedisClient, keys: Sequence[bytes]) -> None:
    for start in range(0, len(keys), PIPELINE):
        pipeline = client.pipeline(transaction=False)
        for key in keys[start : start + PIPELINE]:
            pipeline.get(key)
        await pipeline.execute()


def _some(pairs: Iterable[tuple[bytes, bytes]]) -> Iterable[list[tuple[bytes, bytes]]]:
    some: list[tuple[bytes, bytes]] = []
    for pair in pairs:
        some.append(pair)
        if len(some) == PIPELINE:
            yield some
            some = []
    if some:
        yield some
