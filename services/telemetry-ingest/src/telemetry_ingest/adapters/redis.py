"""First sightings in Redis: one atomic script call for each batch, see ``sightings.lua``.

Redis must keep what it acknowledged (``appendonly yes``, ``appendfsync always``, ``maxmemory-policy noeviction``).
If it comes back empty all the same, its generation is gone with the ids, and ingest stops instead of counting
duplicates.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from importlib.resources import files
from typing import Any
from uuid import uuid4

import numpy as np

from flyball.store.postgres import PostgresDatabase
from flyball.store.redis import RedisClient, open_redis, transient_redis_errors
from flyball.store.settings import StoreSettings
from telemetry_ingest.ports import MemoryLostError, Sighting

# One hash tag for all keys, so that a script may touch them together in a Redis cluster too.
GENERATION = "{flyball:ingest}:generation"
SEGMENTS = "{flyball:ingest}:segments"
OLD_IDS = "{flyball:ingest}:old-ids"
"""There may be ids that an earlier release kept, each under a key of its own."""
OLD_IDS_MATCH = "{flyball:ingest}:id:*"
ROLLING_UPGRADE = timedelta(hours=1)
"""So much longer replicas of the earlier release may run."""
ID_BYTES = 30
FIRST = ord("1")
SCRIPT = files("telemetry_ingest").joinpath("adapters", "sightings.lua").read_text(encoding="utf-8")
LOST = (
    "Redis lost the ids that telemetry-ingest has seen. Bring Redis back with its append-only file; or, to accept that"
    " duplicates of the last day count again, start once with FLYBALL_ACCEPT_LOST_IDS=true."
)


class RedisSightings:
    """Verdicts compare broker append times only, so that reading a topic again gives the same ones.

    Ids live for the horizon and a margin for consumers that lag, and for half a horizon more at most.
    """

    def __init__(self, client: RedisClient, generation: str, horizon: timedelta, lag_margin: timedelta) -> None:
        self._script = client.register_script(SCRIPT)
        self._head: list[Any] = [
            generation,
            int(horizon / timedelta(milliseconds=1)),
            int((horizon / 2).total_seconds()),
            int((horizon + lag_margin).total_seconds()),
        ]

    async def first(self, sightings: Sequence[Sighting]) -> Sequence[bool]:
        times = [recorded_ms for _, _, recorded_ms in sightings]
        with transient_redis_errors():
            try:
                answers = await self._script(
                    keys=[GENERATION, SEGMENTS, OLD_IDS],
                    args=[*self._head, packed(sightings), min(times), max(times)],
                )
            except Exception as error:
                if "GENERATION lost" in str(error):
                    raise MemoryLostError(LOST) from error
                raise
        return [answer == FIRST for answer in answers]


def packed(sightings: Sequence[Sighting]) -> bytes:
    """For each: fingerprint (16 bytes), place (8), append time in ms (6)."""
    fingerprints, places, times = zip(*sightings, strict=True)
    size = len(sightings)
    ids = np.empty((size, ID_BYTES), dtype=np.uint8)
    ids[:, :16] = np.frombuffer(b"".join(fingerprints), dtype=np.uint8).reshape(size, 16)
    ids[:, 16:24] = np.frombuffer(b"".join(places), dtype=np.uint8).reshape(size, 8)
    ids[:, 24:] = np.array(times, dtype=">u8").view(np.uint8).reshape(size, 8)[:, 2:]
    return ids.tobytes()


@asynccontextmanager
async def open_sightings(
    settings: StoreSettings,
    database: PostgresDatabase,
    *,
    horizon: timedelta,
    lag_margin: timedelta,
    accept_lost_ids: bool,
) -> AsyncIterator[RedisSightings]:
    """Connect and check that Redis is the one that this database has been counting with."""
    async with open_redis(settings) as client:
        generation = await _generation(client, database, accept_lost_ids=accept_lost_ids)
        await _mark_old_ids(client, horizon + lag_margin + ROLLING_UPGRADE)
        yield RedisSightings(client, generation, horizon, lag_margin)


async def _mark_old_ids(client: RedisClient, lives: timedelta) -> None:
    """Before the first id is kept in segments: are there any in the layout of before? Then they are asked as well."""
    with transient_redis_errors():
        if await client.exists(SEGMENTS):
            return
        async for _ in client.scan_iter(match=OLD_IDS_MATCH, count=1_000):
            await client.set(OLD_IDS, "1", ex=lives)
            return


async def _generation(client: RedisClient, database: PostgresDatabase, *, accept_lost_ids: bool) -> str:
    with transient_redis_errors():
        await client.set(GENERATION, str(uuid4()), nx=True)
        answer: Any = await client.get(GENERATION)
    found: str = answer.decode()
    async with database.transaction() as transaction:
        connection = transaction.connection
        if accept_lost_ids:
            await connection.execute("DELETE FROM id_memory")
        await connection.execute("INSERT INTO id_memory VALUES (true, $1) ON CONFLICT DO NOTHING", found)
        known = await connection.fetchval("SELECT generation FROM id_memory")
    if known != found:
        raise MemoryLostError(LOST)
    return found
