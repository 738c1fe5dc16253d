"""First sightings in Redis: one atomic script call for each batch.

Redis must keep what it acknowledged (``appendonly yes``, ``appendfsync always``, ``maxmemory-policy noeviction``).
If it comes back empty all the same, its generation is gone with the ids, and ingest stops instead of counting
duplicates.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

from flyball.store.postgres import PostgresDatabase
from flyball.store.redis import RedisClient, open_redis, transient_redis_errors
from flyball.store.settings import StoreSettings
from telemetry_ingest.ports import MemoryLostError, Sighting

# One hash tag for all keys, so that a script may touch them together in a Redis cluster too.
GENERATION = "{flyball:ingest}:generation"
ID_PREFIX = b"{flyball:ingest}:id:"
LOST = (
    "Redis lost the ids that telemetry-ingest has seen. Bring Redis back with its append-only file; or, to accept that"
    " duplicates of the last day count again, start once with FLYBALL_ACCEPT_LOST_IDS=true."
)
SCRIPT = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('GENERATION lost') end
local horizon_ms, ttl_seconds = tonumber(ARGV[2]), ARGV[3]
local first = {}
for i = 2, #KEYS do
    local place, at_ms = ARGV[2 * i], ARGV[2 * i + 1]
    local known = redis.call('GET', KEYS[i])
    local known_place, known_ms
    if known then known_place, known_ms = string.match(known, '^(%d+:%d+)@(%d+)$') end
    if known_place == place then
        first[i - 1] = 1
    elseif known and math.abs(tonumber(at_ms) - tonumber(known_ms)) <= horizon_ms then
        first[i - 1] = 0
    else
        redis.call('SET', KEYS[i], place .. '@' .. at_ms, 'EX', ttl_seconds)
        first[i - 1] = 1
    end
end
return first
"""


class RedisSightings:
    """Verdicts compare broker append times only, so that reading a topic again gives the same ones.

    Keys live for the horizon and a margin for consumers that lag.
    """

    def __init__(self, client: RedisClient, generation: str, horizon: timedelta, lag_margin: timedelta) -> None:
        self._script = client.register_script(SCRIPT)
        self._generation = generation
        self._horizon_ms = int(horizon / timedelta(milliseconds=1))
        self._ttl_seconds = int((horizon + lag_margin).total_seconds())

    async def first(self, sightings: Sequence[Sighting]) -> Sequence[bool]:
        keys: list[Any] = [GENERATION, *(ID_PREFIX + sighting.fingerprint for sighting in sightings)]
        arguments: list[Any] = [self._generation, self._horizon_ms, self._ttl_seconds]
        for sighting in sightings:
            arguments += [sighting.place, int(sighting.recorded_at.timestamp() * 1000)]
        with transient_redis_errors():
            try:
                answers = await self._script(keys=keys, args=arguments)
            except Exception as error:
                if "GENERATION lost" in str(error):
                    raise MemoryLostError(LOST) from error
                raise
        return [answer == 1 for answer in answers]


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
        yield RedisSightings(client, generation, horizon, lag_margin)


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
