"""What it takes to remember which events were seen: bytes and processor time in Redis and in its client."""

import time
from collections.abc import Iterator
from datetime import timedelta
from hashlib import blake2b
from typing import Any

import psutil

from flyball.store.redis import RedisClient, open_redis
from flyball.store.settings import StoreSettings
from telemetry_ingest.adapters.redis import GENERATION, RedisSightings
from telemetry_ingest.domain.waiting import native_place
from telemetry_ingest.ports import Sighting
from tests.bench.figures import MICROSECONDS, table
from tests.bench.servers import Bench, stores

BATCH = 5_000
PARTITIONS = 12
START_MS = 1_795_000_000_000
PER_MS = 20
"""20,000 events a second."""


async def measure(ids: int) -> str:
    """The figures as Markdown."""
    async with stores() as running:
        environment = await running.environment()
        async with open_redis(StoreSettings.from_environment(environment)) as client:
            await client.set(GENERATION, "bench")
            sightings = RedisSightings(client, "bench", timedelta(hours=24), timedelta(hours=6))
            return table(["", "first time", "again"], await _rows(running, client, sightings, ids))


async def _rows(running: Bench, client: RedisClient, sightings: RedisSightings, ids: int) -> list[list[str]]:
    empty = await _bytes(client)
    first = await _pass(running, sightings, ids, firsts=ids)
    per_id = (await _bytes(client) - empty) / ids
    again = await _pass(running, sightings, ids, firsts=0, partition=PARTITIONS)
    return [
        [f"bytes of an id in Redis, {ids:,} ids", f"{per_id:.1f}", "-"],
        *([name, f"{one:.2f}", f"{other:.2f}"] for name, one, other in zip(NAMES, first, again, strict=True)),
    ]


NAMES = ("Redis, processor time of an id, µs", "client, processor time of an id, µs")


async def _pass(
    running: Bench, sightings: RedisSightings, ids: int, *, firsts: int, partition: int = 0
) -> tuple[float, float]:
    server = psutil.Process(next(process for process in running.stack.processes if "Redis" in process.name).pid)
    served, found, worked = _seconds(server), 0, 0.0
    for batch in _batches(ids, partition):
        before = time.process_time()
        found += sum(await sightings.first(batch))
        worked += time.process_time() - before
    if found != firsts:
        raise RuntimeError(f"{found} of {ids} ids were new, not {firsts}")
    return (_seconds(server) - served) / ids * MICROSECONDS, worked / ids * MICROSECONDS


def _batches(ids: int, partition: int) -> Iterator[list[Sighting]]:
    for start in range(0, ids, BATCH):
        place = partition + start // BATCH % PARTITIONS
        yield [
            Sighting(
                blake2b(number.to_bytes(8, "big"), digest_size=16).digest(),
                native_place(place, number),
                START_MS + number // PER_MS,
            )
            for number in range(start, min(start + BATCH, ids))
        ]


def _seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


async def _bytes(client: RedisClient) -> int:
    answer: Any = await client.info("memory")
    return int(answer["used_memory"])
