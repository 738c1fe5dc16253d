"""What it takes to remember which events were seen: bytes and processor time in Redis and in its client.

Beside it a key for each id, by ``SET NX EX`` in pipelines.
"""

import time
from collections.abc import Iterator
from datetime import timedelta
from hashlib import blake2b

from flyball.store.redis import RedisClient, open_redis
from flyball.store.settings import StoreSettings
from telemetry_ingest.adapters.redis import GENERATION, RedisSightings
from telemetry_ingest.domain.waiting import native_place
from telemetry_ingest.ports import Sighting
from tests.bench.figures import MICROSECONDS, quotient, table
from tests.bench.redis_server import Taken, set_each, taken
from tests.bench.servers import Bench, stores

BATCH = 5_000
PARTITIONS = 12
START_MS = 1_795_000_000_000
PER_MS = 20
"""20,000 events a second."""
PLAIN_SHARE = 4
"""A fourth of the ids tells what a key for each takes."""


async def measure(ids: int) -> str:
    """The figures as Markdown."""
    async with stores() as running:
        environment = await running.environment()
        async with open_redis(StoreSettings.from_environment(environment)) as client:
            await client.set(GENERATION, "bench")
            sightings = RedisSightings(client, "bench", timedelta(hours=24), timedelta(hours=6))
            first, first_us = await _pass(running, client, sightings, ids, firsts=ids)
            again, again_us = await _pass(running, client, sightings, ids, firsts=0, partition=PARTITIONS)
            plain, plain_us = await _plain(running, client, ids // PLAIN_SHARE)
    of_plain = ids // PLAIN_SHARE
    head = [f"{ids:,} ids, each", "first time", "again", "a key for each", "first time / a key for each"]
    served = _us(first, ids), _us(again, ids), _us(plain, of_plain)
    worked = first_us, again_us, plain_us
    size, plain_size = first.bytes / ids, plain.bytes / of_plain
    rows = [
        ["bytes in Redis", f"{size:.1f}", "-", f"{plain_size:.1f}", quotient(size, plain_size)],
        ["processor time of Redis, µs", *(f"{one:.2f}" for one in served), quotient(served[0], served[2])],
        ["processor time of the client, µs", *(f"{one:.2f}" for one in worked), quotient(first_us, plain_us)],
    ]
    return table(head, rows)


def _us(step: Taken, ids: int) -> float:
    return step.cpu_seconds / ids * MICROSECONDS


async def _pass(
    running: Bench, client: RedisClient, sightings: RedisSightings, ids: int, *, firsts: int, partition: int = 0
) -> tuple[Taken, float]:
    before, found, worked = await taken(running, client), 0, 0.0
    for batch in _batches(ids, partition):
        begun = time.process_time()
        found += sum(await sightings.first(batch))
        worked += time.process_time() - begun
    if found != firsts:
        raise RuntimeError(f"{found} of {ids} ids were new, not {firsts}")
    return (await taken(running, client)).since(before), worked / ids * MICROSECONDS


async def _plain(running: Bench, client: RedisClient, ids: int) -> tuple[Taken, float]:
    pairs = [(_fingerprint(number), native_place(0, number)) for number in range(ids)]
    before, begun = await taken(running, client), time.process_time()
    await set_each(client, pairs)
    worked = time.process_time() - begun
    return (await taken(running, client)).since(before), worked / ids * MICROSECONDS


def _batches(ids: int, partition: int) -> Iterator[list[Sighting]]:
    for start in range(0, ids, BATCH):
        place = partition + start // BATCH % PARTITIONS
        yield [
            Sighting(_fingerprint(number), native_place(place, number), START_MS + number // PER_MS)
            for number in range(start, min(start + BATCH, ids))
        ]


def _fingerprint(number: int) -> bytes:
    return blake2b(number.to_bytes(8, "big"), digest_size=16).digest()
