"""A Redis connection with bounds, and its errors in our words."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import BusyLoadingError, ConnectionError, ReadOnlyError, TimeoutError  # noqa: A004 - their names

from flyball.store.errors import Transient
from flyball.store.settings import StoreSettings

RedisClient = Redis


@contextmanager
def transient_redis_errors() -> Iterator[None]:
    """Turn what the client raises while the server is away, starting or failing over into ``Transient``."""
    try:
        yield
    except (ConnectionError, TimeoutError, BusyLoadingError, ReadOnlyError, OSError) as error:
        raise Transient(f"Redis: {type(error).__name__}: {error}") from error


@asynccontextmanager
async def open_redis(settings: StoreSettings) -> AsyncIterator[RedisClient]:
    """A client that fails fast: retrying is the caller's, once, in one place. Raises ``ValueError`` without a URL."""
    if settings.redis is None:
        raise ValueError(
            "FLYBALL_REDIS is not set; give the URL of a Redis server, for example redis://127.0.0.1:6379/0"
        )
    client: Redis = Redis.from_url(
        settings.redis.get_secret_value(),
        socket_timeout=settings.redis_timeout_seconds,
        socket_connect_timeout=settings.redis_timeout_seconds,
        retry=Retry(NoBackoff(), 0),
        max_connections=8,
    )
    try:
        yield client
    finally:
        await client.aclose()
