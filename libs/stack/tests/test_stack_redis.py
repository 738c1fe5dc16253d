"""A Redis that forgets nothing it has acknowledged."""

from pathlib import Path

import pytest
import redis.asyncio
import redis.exceptions

from flyball.stack import Redis

pytestmark = pytest.mark.stack


@pytest.fixture
async def server(tmp_path: Path):
    server = Redis(tmp_path)
    await server.start()
    yield server
    await server.stop()


async def test_what_was_acknowledged_survives_kill_9(server: Redis) -> None:
    async with redis.asyncio.from_url(server.url) as client:
        for number in range(200):
            await client.set(f"seen:{number}", number)
    port = server.port
    await server.kill()
    await server.restart()
    assert server.port == port
    async with redis.asyncio.from_url(server.url) as client:
        assert await client.dbsize() == 200


async def test_it_never_evicts_and_syncs_each_write(server: Redis) -> None:
    async with redis.asyncio.from_url(server.url) as client:
        settings = await client.config_get("appendfsync", "maxmemory-policy", "appendonly", "bind")
    assert settings == {
        "appendfsync": "always",
        "maxmemory-policy": "noeviction",
        "appendonly": "yes",
        "bind": "127.0.0.1",
    }


async def test_nobody_enters_without_the_password(server: Redis) -> None:
    async with redis.asyncio.Redis(host="127.0.0.1", port=server.port) as stranger:
        with pytest.raises(redis.exceptions.AuthenticationError):
            await stranger.ping()
