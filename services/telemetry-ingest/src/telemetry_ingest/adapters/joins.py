"""Joins in Redis: one atomic script call for each batch. What waits is packed into maps by epoch and hash.

All keys have one hash tag, so that the script may touch them together in a Redis cluster too.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.resources import files
from struct import iter_unpack
from typing import Any

from flyball.store.postgres import PostgresDatabase
from flyball.store.redis import RedisClient, open_redis, transient_redis_errors
from flyball.store.settings import StoreSettings
from telemetry_ingest.adapters.redis import GENERATION, LOST
from telemetry_ingest.domain.joins import Answer, Asked, Claimed, Found
from telemetry_ingest.ports import JoinLimits, MemoryLostError

HELD = "{flyball:ingest}:join:held"
SCRIPT = files("telemetry_ingest").joinpath("adapters", "joins.lua").read_text(encoding="utf-8")


class RedisJoins:
    """Verdicts compare broker append times only, so that reading a topic again gives the same ones."""

    def __init__(self, client: RedisClient, generation: str, limits: JoinLimits) -> None:
        self._script = client.register_script(SCRIPT)
        margin_seconds = int(limits.lag_margin.total_seconds())
        self._head: list[Any] = [generation, limits.bytes_max, limits.system_bytes_max, margin_seconds]

    async def find(self, asked: Sequence[Asked]) -> Sequence[Answer]:
        arguments = list(self._head)
        for own in asked:
            arguments += _packed(own)
        with transient_redis_errors():
            try:
                answers = await self._script(keys=[GENERATION, HELD], args=arguments)
            except Exception as error:
                if "GENERATION lost" in str(error):
                    raise MemoryLostError(LOST) from error
                raise
        return [_answer(each) for each in answers]


def _packed(own: Asked) -> list[Any]:
    labels = [code + len(text).to_bytes(2, "big") + text for code, text in own.labels.items()]
    horizons = " ".join(map(str, own.system[2]))
    return [own.key, horizons, b"".join(labels), b"".join(own.waiting), b"".join(own.judging)]


def _answer(answer: Any) -> Answer:
    claimed, found, overflowed = answer
    return Answer(
        [Claimed(number, payload, first == 1) for number, payload, first in claimed],
        [Found(number, value, labels, first == 1) for number, value, labels, first in found],
        [number for (number,) in iter_unpack(">I", overflowed)],
    )


@asynccontextmanager
async def open_joins(
    settings: StoreSettings, database: PostgresDatabase, limits: JoinLimits
) -> AsyncIterator[RedisJoins]:
    """Connect to the Redis that the sightings have found to be the one of this database."""
    (row,) = await database.fetch("SELECT generation FROM id_memory")
    async with open_redis(settings) as client:
        yield RedisJoins(client, row["generation"], limits)
