"""The billing agent's gateway: asks the pointer in Redis which release serves a user, as any gateway would."""

import json
from hashlib import sha256
from typing import Any

from flyball.cli.demo.story import GOOD, Route
from flyball.store.redis import RedisClient, transient_redis_errors

BUCKETS = 10_000


async def read_route(client: RedisClient, system: str) -> Route:
    """How traffic is split now; all to the good release where no rollout has ever set a pointer."""
    key = f"{{flyball:rollout:default/{system}/production}}:pointer"
    with transient_redis_errors():
        found: Any = await client.hget(key, "token")
    token: dict[str, Any] = json.loads(found) if found else {"stable": GOOD, "candidate": None}
    return lambda user: _release_for(token, user)


def _release_for(token: dict[str, Any], user: str) -> str:
    if token["candidate"] is None or token["is_shadow"]:
        return str(token["stable"])
    bucket = int.from_bytes(sha256((token["rollout_id"] + user).encode()).digest()) % BUCKETS
    return str(token["candidate"] if bucket < token["share_basis_points"] else token["stable"])
