"""First sightings in Redis: one answer per place, for a horizon of recorded time."""

import json
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
from telemetry_ingest.adapters.redis import SEGMENTS, RedisSightings, open_sightings
from telemetry_ingest.domain.waiting import native_place
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
    partition, offset = map(int, place.split(":"))
    return Sighting(name, native_place(partition, offset), int(at.timestamp() * 1000))


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


async def test_ids_of_an_earlier_release_are_asked_as_long_as_they_live(
    settings: StoreSettings, database: PostgresDatabase
) -> None:
    old, new = uuid4().bytes, uuid4().bytes
    limits = {"horizon": HORIZON, "lag_margin": timedelta(hours=6)}
    async with open_redis(settings) as client:
        await client.delete(SEGMENTS)
        await client.set(b"{flyball:ingest}:id:" + old, f"3:70000@{int(NOW.timestamp() * 1000)}")
    async with open_sightings(settings, database, accept_lost_ids=False, **limits) as sightings:  # type: ignore[arg-type]
        late = NOW + HORIZON * 1.01
        batch = [seen(old, "3:70000"), seen(old, "3:70001"), seen(new, "3:70002"), seen(old, "3:70003", late)]
        for _ in range(2):
            assert list(await sightings.first(batch)) == [True, False, True, True]


async def test_segments_that_fill_up_or_grow_old_are_still_asked(
    settings: StoreSettings, sightings: RedisSightings
) -> None:
    batch = [seen(uuid4().bytes, f"2:{offset}", NOW + timedelta(minutes=offset)) for offset in range(3)]
    async with open_redis(settings) as client:
        for number, sighting in enumerate(batch):
            assert list(await sightings.first([sighting])) == [True]
            segments = json.loads(await client.get(SEGMENTS))
            _, bits, _, _, _, opened = segments[-1]
            # The first one has taken ids long enough, the second one is full.
            segments[-1][2 if number else 5] = 64 * 2**bits if number else opened - HORIZON.total_seconds()
            await client.set(SEGMENTS, json.dumps(segments))
        assert len(segments) == 3
        again = [sighting._replace(place=native_place(5, 1)) for sighting in batch]
        assert list(await sightings.first([*batch, *again])) == [True] * 3 + [False] * 3


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
            await RedisSightings(client, "x", HORIZON, HORIZON).first([seen(b"x" * 16, "0:1")])
