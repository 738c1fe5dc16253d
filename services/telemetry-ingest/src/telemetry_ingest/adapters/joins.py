"""Joins in Redis: one atomic script call for each batch. What waits is packed into maps by epoch and hash.

All keys have one hash tag, so that the script may touch them together in a Redis cluster too.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from importlib.resources import files
from struct import Struct, iter_unpack
from typing import Any

from flyball.store.postgres import PostgresDatabase
from flyball.store.redis import RedisClient, open_redis, transient_redis_errors
from flyball.store.settings import StoreSettings
from telemetry_ingest.adapters.redis import GENERATION, LOST
from telemetry_ingest.domain.joins import Answer, Asked, Claimed, Found
from telemetry_ingest.domain.waiting import labels_hash
from telemetry_ingest.ports import JoinLimits, MemoryLostError

_NUMBERED, _TEXT = Struct(">I?H"), Struct(">8sH")
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
    claimed, found, labels, overflowed = answer
    texts = dict(_texts(labels))
    return Answer(
        [Claimed(number, payload, is_first) for number, is_first, payload in _numbered(claimed)],
        [Found(number, value, texts[labels_hash(value)], is_first) for number, is_first, value in _numbered(found)],
        [number for (number,) in iter_unpack(">I", overflowed)],
    )


def _numbered(packed: bytes) -> Iterator[tuple[int, bool, bytes]]:
    at, size = 0, len(packed)
    while at < size:
        number, is_first, length = _NUMBERED.unpack_from(packed, at)
        start = at + _NUMBERED.size
        at = start + length
        yield number, is_first, packed[start:at]


def _texts(packed: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at < len(packed):
        code, length = _TEXT.unpack_from(packed, at)
        start = at + _TEXT.size
        at = start + length
        yield code, packed[start:at]


@asynccontextmanager
async def open_joins(
    settings: StoreSettings, database: PostgresDatabase, limits: JoinLimits
) -> AsyncIterator[RedisJoins]:
    """Connect to the Redis that the sightings have found to be the one of this database."""
    (row,) = await database.fetch("SELECT generation FROM id_memory")
    async with open_redis(settings) as client:
        yield RedisJoins(client, row["generation"], limits)
