"""First sightings in Redis: one answer per place, for a horizon of recorded time."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from uuid import uuid4

import pytest

from flyball.stack.redis import Redis
from flyball.store.errors import Transient
from flyball.store.postgres import PostgresDatabase, open_postgres
from flyball.store.redis import open_redis
from flyball.store.settings import StoreSettings
from telemetry_ingest.adapters.redis import RedisSightings, open_sightings
from telemetry_ingest.ports import MemoryLostError, Sighting

pytestmark = pytest.mark.stack
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
HORIZON = timedelta(hours=24)


@pytest.fixture
def settings(postgres_dsn: str, redis_server: Redis) -> StoreSettings:
    return StoreSettings.from_environment({"FLYBALL_POSTGRES": postgres_dsn, "FLYBALL_REDIS": redis_server.url})


@pytest.fixture
async def database(settings: StoreSettings) -> AsyncIterator[PostgresDatabase]:
    migrations = [files("telemetry_ingest").joinpath("migrations")]
    async with open_postgres(settings, f"ingest_{uuid4().hex[:8]}", migrations) as opened:
        yield opened


@pytest.fixture
async def sightings(settings: StoreSettings, database: PostgresDatabase) -> AsyncIterator[RedisSightings]:
    async with open_sightings(
        settings, database, horizon=HORIZON, lag_margin=timedelta(hours=6), accept_lost_ids=False
    ) as opened:
        yield opened


def seen(name: bytes, place: str, at: datetime = NOW) -> Sighting:
    return Sighting(name, place, at)


async def test_the_first_place_wins_and_keeps_winning(sightings: RedisSightings) -> None:
    name = uuid4().bytes
    batch = [seen(name, "0:7"), seen(name, "0:8"), seen(name, "3:1")]
    assert list(await sightings.first(batch)) == [True, False, False]
    assert list(await sightings.first(batch)) == [True, False, False]
    assert list(await sightings.first(batch[::-1])) == [False, False, True]


async def test_a_repetition_past_the_horizon_counts_again_and_does_so_in_a_replay(sightings: RedisSightings) -> None:
    name = uuid4().bytes
    batch = [seen(name, "0:1"), seen(name, "0:2", NOW + HORIZON), seen(name, "0:3", NOW + HORIZON * 1.01)]
    assert list(await sightings.first(batch)) == [True, False, True]
    assert list(await sightings.first(batch)) == [True, False, True]


async def test_a_large_batch_is_one_call(sightings: RedisSightings) -> None:
    batch = [seen(uuid4().bytes, f"1:{offset}") for offset in range(5_000)]
    assert all(await sightings.first(batch))


async def test_a_redis_that_forgot_is_noticed(settings: StoreSettings, database: PostgresDatabase) -> None:
    limits = {"horizon": HORIZON, "lag_margin": timedelta(hours=6)}
    async with open_sightings(settings, database, accept_lost_ids=False, **limits) as sightings:  # type: ignore[arg-type]
        async with open_redis(settings) as client:
            await client.flushall()
        with pytest.raises(MemoryLostError, match="FLYBALL_ACCEPT_LOST_IDS"):
            await sightings.first([seen(uuid4().bytes, "0:1")])
    with pytest.raises(MemoryLostError):
        async with open_sightings(settings, database, accept_lost_ids=False, **limits):  # type: ignore[arg-type]
            pass
    async with open_sightings(settings, database, accept_lost_ids=True, **limits) as sightings:  # type: ignore[arg-type]
        assert list(await sightings.first([seen(uuid4().bytes, "0:1")])) == [True]


async def test_a_redis_that_is_away_is_a_transient_error(settings: StoreSettings) -> None:
    nowhere = settings.model_copy(update={"redis": type(settings.redis)("redis://127.0.0.1:1/0")})  # type: ignore[misc]
    async with open_redis(nowhere) as client:
        with pytest.raises(Transient, match="Redis"):
            await RedisSightings(client, "x", HORIZON, HORIZON).first([seen(b"x", "0:1")])
