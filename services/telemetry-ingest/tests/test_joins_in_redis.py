"""The same promises on a real Redis."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import pytest

from flyball.stack.redis import Redis
from flyball.store.redis import RedisClient, open_redis
from flyball.store.settings import StoreSettings
from joins_promises import JoinsPromises, joined, outcome, pairs, prediction
from telemetry_ingest.adapters.joins import RedisJoins
from telemetry_ingest.adapters.redis import GENERATION
from telemetry_ingest.ports import JoinLimits, MemoryLostError

pytestmark = pytest.mark.stack
MIB = 1_048_576
MARGIN = timedelta(hours=6)


@pytest.fixture
async def client(redis_server: Redis) -> AsyncIterator[RedisClient]:
    settings = StoreSettings.from_environment(
        {"FLYBALL_POSTGRES": "postgresql://unused/unused", "FLYBALL_REDIS": redis_server.url}
    )
    async with open_redis(settings) as opened:
        await opened.flushall()
        await opened.set(GENERATION, "one")
        yield opened


class TestInRedis(JoinsPromises):
    @pytest.fixture
    def joins(self, client: RedisClient) -> RedisJoins:
        return RedisJoins(client, "one", JoinLimits(64 * MIB, 32 * MIB, MARGIN))

    @pytest.fixture
    def crowded(self, client: RedisClient) -> RedisJoins:
        return RedisJoins(client, "one", JoinLimits(MIB, 5_000, MARGIN))

    async def test_everything_goes_with_its_horizon(self, joins: RedisJoins, client: RedisClient) -> None:
        await pairs(joins, prediction("p", (0, 1)), outcome("q", (0, 2)))
        names = [name for name in await client.keys("*:join:*") if name != b"{flyball:ingest}:join:held"]
        lives = {name: await client.ttl(name) for name in names}
        assert len(lives) == 5
        assert min(lives.values()) > 30 * 86_400
        assert max(lives.values()) <= 37.5 * 86_400 + MARGIN.total_seconds()

    async def test_a_system_without_partners_leaves_room_for_others(
        self, crowded: RedisJoins, client: RedisClient
    ) -> None:
        await pairs(crowded, *(outcome(str(uuid4()), (0, place)) for place in range(100)))
        kept = len(await client.keys("*:join:early:*"))
        assert 10 < kept < 30
        assert (await joined(crowded, prediction(str(uuid4()), (0, 200)))).overflowed.total() == 1

    async def test_a_redis_that_forgot_is_noticed(self, joins: RedisJoins, client: RedisClient) -> None:
        await client.flushall()
        with pytest.raises(MemoryLostError, match="FLYBALL_ACCEPT_LOST_IDS"):
            await pairs(joins, prediction(str(uuid4()), (0, 1)))
