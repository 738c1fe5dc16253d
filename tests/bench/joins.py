"""What it takes that predictions wait for their outcomes, and that outcomes find them; and the other way round.

Beside it a key for each that waits, by ``SET NX EX`` in pipelines, and a ``GET`` for each that looks for it.
"""

import json
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from flyball.bus.records import Record
from flyball.schemas.topics import AGENT_EVENTS
from flyball.store.redis import RedisClient, open_redis
from flyball.store.settings import StoreSettings
from telemetry_ingest.adapters.joins import RedisJoins
from telemetry_ingest.adapters.redis import GENERATION
from telemetry_ingest.domain.joins import asked_of, joined_of, joining
from telemetry_ingest.domain.verdicts import Accepted, Limits, judged
from telemetry_ingest.ports import JoinLimits
from tests.bench.collector import collect_as_a_service
from tests.bench.events import prediction
from tests.bench.figures import MICROSECONDS, quotient, table
from tests.bench.redis_server import Taken, get_each, set_each, taken
from tests.bench.servers import Bench, stores

BATCH = 5_000
SYSTEMS = 20
GIBIBYTE = 1_073_741_824
LIMITS = JoinLimits(GIBIBYTE, GIBIBYTE, timedelta(hours=6))


@dataclass(slots=True)
class Step:
    """What one kind of event took in all, in seconds of processor time."""

    packing: float = 0.0
    client: float = 0.0
    pairs: int = 0
    redis: Taken = field(default_factory=lambda: Taken(0, 0.0))


async def measure(pairs: int) -> str:
    """The figures as Markdown. RuntimeError when some did not find each other."""
    collect_as_a_service()
    async with stores() as running:
        environment = await running.environment()
        async with open_redis(StoreSettings.from_environment(environment)) as client:
            await client.set(GENERATION, "bench")
            joins = RedisJoins(client, "bench", LIMITS)
            waits = await _step(running, client, joins, _predictions(pairs, 1))
            finds = await _step(running, client, joins, _outcomes(pairs, 1))
            early = await _step(running, client, joins, _outcomes(pairs, 2))
            claims = await _step(running, client, joins, _predictions(pairs, 2))
            keys, gets = await _plain(running, client, pairs)
    if (waits.pairs, finds.pairs, early.pairs, claims.pairs) != (0, pairs, 0, pairs):
        raise RuntimeError(f"{finds.pairs} and {claims.pairs} of {pairs} predictions and outcomes found each other")
    return _table(pairs, [waits, finds, early, claims, keys, gets])


def _table(pairs: int, steps: Sequence[Step]) -> str:
    head = [
        f"{pairs:,} of each, one event",
        "a prediction waits",
        "its outcome finds it",
        "an outcome waits",
        "its prediction finds it",
        "a key for each",
        "a `GET` for each",
    ]
    waits, finds, *_, keys, gets = steps
    rows = [
        ["bytes in Redis", *(f"{step.redis.bytes / pairs:.0f}" for step in steps)],
        ["processor time of Redis, µs", *_microseconds([step.redis.cpu_seconds for step in steps], pairs)],
        ["processor time of the client, µs", *_microseconds([step.client for step in steps], pairs)],
        ["packing and unpacking, µs", *_microseconds([step.packing for step in steps], pairs)],
    ]
    kept, key, found, got = waits.redis, keys.redis, finds.redis, gets.redis
    told = (
        f"A prediction that waits takes {quotient(kept.bytes, key.bytes)} of the bytes of a key of its own and"
        f" {quotient(kept.cpu_seconds, key.cpu_seconds)} of its processor time in Redis, an outcome that finds it"
        f" {quotient(found.cpu_seconds, got.cpu_seconds)} of that of a `GET`."
    )
    return f"{table(head, rows)}\n\n{told}"


def _microseconds(seconds: Sequence[float], pairs: int) -> list[str]:
    return [f"{one / pairs * MICROSECONDS:.2f}" for one in seconds]


async def _step(running: Bench, client: RedisClient, joins: RedisJoins, batches: Iterator[list[Accepted]]) -> Step:
    step, before = Step(), await taken(running, client)
    for batch in batches:
        begun = time.process_time()
        asked = asked_of(joining(batch), {})
        packed = time.process_time()
        answers = await joins.find(asked)
        answered = time.process_time()
        step.pairs += len(joined_of(asked, answers).pairs)
        step.packing += packed - begun + time.process_time() - answered
        step.client += answered - packed
    step.redis = (await taken(running, client)).since(before)
    return step


async def _plain(running: Bench, client: RedisClient, pairs: int) -> tuple[Step, Step]:
    """The same packed values under keys of their own."""
    kept = [item for batch in _predictions(pairs, 3) for own in asked_of(joining(batch), {}) for item in own.waiting]
    made, found = Step(), Step()
    before, begun = await taken(running, client), time.process_time()
    await set_each(client, ((item[:8], item[10:]) for item in kept))
    made.client = time.process_time() - begun
    between, begun = await taken(running, client), time.process_time()
    await get_each(client, [item[:8] for item in kept])
    found.client = time.process_time() - begun
    made.redis, found.redis = between.since(before), (await taken(running, client)).since(between)
    return made, found


def _predictions(count: int, seed: int) -> Iterator[list[Accepted]]:
    generator, now = random.Random(seed), datetime.now(UTC)
    for start in range(0, count, BATCH):
        numbers = range(start, min(start + BATCH, count))
        yield _accepted(
            [_with_id(prediction(generator, _system(number), now), f"{seed}-{number}") for number in numbers],
            2 * seed,
            start,
        )


def _outcomes(count: int, seed: int) -> Iterator[list[Accepted]]:
    now = datetime.now(UTC).isoformat()
    for start in range(0, count, BATCH):
        numbers = range(start, min(start + BATCH, count))
        yield _accepted([_outcome(number, f"{seed}-{number}", now) for number in numbers], 2 * seed + 1, start)


def _system(number: int) -> str:
    return f"claims-agent-{number % SYSTEMS:02}"


def _with_id(body: bytes, name: str) -> bytes:
    event = json.loads(body)
    event["data"]["prediction_id"] = name
    return json.dumps(event).encode()


def _outcome(number: int, name: str, at: str) -> bytes:
    event = {"specversion": "1.0", "id": f"outcome-{name}", "source": "/bench", "type": "outcome.observed"}
    data = {"prediction_id": name, "true_class": "approve"}
    return json.dumps(event | {"subject": _system(number), "time": at, "data": data}).encode()


def _accepted(bodies: Sequence[bytes], partition: int, offset: int) -> list[Accepted]:
    at_ms = int(time.time() * 1_000)
    records = [
        Record(AGENT_EVENTS.name, partition, offset + number, at_ms, None, body, ())
        for number, body in enumerate(bodies)
    ]
    accepted, rejected = judged(records, Limits())
    if rejected:
        raise RuntimeError(f"an event of the bench was rejected: {rejected[0].field}: {rejected[0].detail}")
    return accepted
