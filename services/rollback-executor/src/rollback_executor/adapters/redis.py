"""A pointer in Redis that routers and agents read: compare-and-set with an epoch, in one script.

Per target two hashes: ``...:pointer`` with ``epoch`` and ``token`` (JSON), and ``...:replicas`` in which each replica
that follows the pointer says what it runs: ``<release> <milliseconds since 1970>``, again every few seconds.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from flyball.store.redis import RedisClient, open_redis, transient_redis_errors
from flyball.store.settings import StoreSettings
from rollback_executor.adapters.rows import POINTER
from rollback_executor.domain.rollout import Pointer
from rollback_executor.ports import TargetName, TargetRefusedError

POINTER_REPLICA = "pointer"
"""What readers of the pointer get, where no replica says what it runs."""
REPLICA_SECONDS_MAX = 60
"""A replica that has said nothing for so long is gone."""
APPLY = """
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if epoch and tonumber(epoch) > tonumber(ARGV[1]) then return epoch end
if epoch and tonumber(epoch) == tonumber(ARGV[1]) and redis.call('HGET', KEYS[1], 'token') ~= ARGV[2] then
    return epoch
end
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'token', ARGV[2])
return 'ok'
"""
REPORT = """
local time = redis.call('TIME')
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ' ' .. time[1] .. string.format('%03d', math.floor(time[2] / 1000)))
"""


class RedisTarget:
    """One target's pointer."""

    supports_partial = True

    def __init__(self, client: RedisClient, name: TargetName) -> None:
        self._client = client
        # One hash tag for both keys, so that a script may touch them together in a Redis cluster too.
        self._pointer = f"{{flyball:rollout:{name}}}:pointer"
        self._replicas = f"{{flyball:rollout:{name}}}:replicas"
        self._apply = client.register_script(APPLY)
        self._report = client.register_script(REPORT)

    async def snapshot(self) -> Pointer | None:
        with transient_redis_errors():
            found: Any = await self._client.hget(self._pointer, "token")
        return None if found is None else POINTER.validate_json(found)

    async def apply(self, token: Pointer, epoch: int) -> None:
        with transient_redis_errors():
            answer: Any = await self._apply(keys=[self._pointer], args=[epoch, POINTER.dump_json(token)])
        if answer != b"ok":
            raise TargetRefusedError(f"the pointer is at epoch {int(answer)}, this order has {epoch}")

    async def observe(self) -> Mapping[str, str]:
        with transient_redis_errors():
            reported: Any = await self._client.hgetall(self._replicas)
            seconds, _ = await self._client.time()
        pointer = await self.snapshot()
        alive = dict(_alive(reported, int(seconds)))
        return alive | ({POINTER_REPLICA: pointer.stable} if pointer else {})

    async def report(self, replica: str, release: str) -> None:
        """What a replica does to say what it runs."""
        with transient_redis_errors():
            await self._report(keys=[self._replicas], args=[replica, release])


class RedisTargets:
    """All targets of one Redis."""

    def __init__(self, client: RedisClient) -> None:
        self._client = client

    def target(self, name: TargetName) -> RedisTarget:
        return RedisTarget(self._client, name)


@asynccontextmanager
async def open_redis_targets(settings: StoreSettings) -> AsyncIterator[RedisTargets]:
    """Raises ``ValueError`` without a URL."""
    async with open_redis(settings) as client:
        yield RedisTargets(client)


def _alive(reported: Mapping[bytes, bytes], now_seconds: int) -> list[tuple[str, str]]:
    found = []
    for replica, said in reported.items():
        release, _, at_ms = said.decode("utf-8", "replace").rpartition(" ")
        if at_ms.isdigit() and now_seconds - int(at_ms) // 1_000 <= REPLICA_SECONDS_MAX:
            found.append((replica.decode("utf-8", "replace"), release))
    return found
