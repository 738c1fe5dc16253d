"""Where the processor time of an event goes: the real service on real stores, each of its steps with a clock.

Kafka is left out, which ``tests.bench.drain`` measures.
"""

import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from flyball.bus.partitions import partition_of
from flyball.bus.processor import Processor, one_by_one
from flyball.bus.records import Batch, Record
from flyball.observe.metrics import Metrics
from flyball.schemas.topics import AGENT_EVENTS
from flyball.store.postgres import PostgresTransaction
from telemetry_ingest import service as steps
from telemetry_ingest.adapters.feeds import FeedMemory, PostgresFeeds
from telemetry_ingest.adapters.joins import RedisJoins
from telemetry_ingest.adapters.postgres import PostgresTotals
from telemetry_ingest.adapters.price_list import list_price
from telemetry_ingest.adapters.redis import RedisSightings
from telemetry_ingest.adapters.references import PostgresReferences
from telemetry_ingest.app import open_service
from telemetry_ingest.looking import Looking
from telemetry_ingest.settings import Settings
from tests.bench.clocks import Clocked, Clocks
from tests.bench.events import bodies
from tests.bench.figures import MICROSECONDS

BATCH = 5_000
PARTS: Clocked = {
    "decode and judge": [(steps, "judged")],
    "identity": [(steps, "sightings_of")],
    "Redis client: ids": [(RedisSightings, "first")],
    "labels, costs, expectations, personal data": [(Looking, "declared"), (Looking, "counted")],
    "condense": [(steps, "assign"), (steps, "spans_of_features"), (steps, "condense")],
    "joins: packing": [(steps, "joining"), (steps, "asked_of"), (steps, "joined_of")],
    "Redis client: joins": [(RedisJoins, "find")],
    "serialise": [(steps, "_summaries")],
    "Postgres client": [
        (PostgresTotals, "add"),
        (PostgresFeeds, "open"),
        (PostgresFeeds, "save"),
        (PostgresReferences, "between"),
        (PostgresTransaction, "enqueue"),
        (PostgresTransaction, "advance"),
    ],
}
REST = "the rest, with the commit"


async def seconds_by_part(environment: Mapping[str, str], kind: str, events: int, **shape: int) -> dict[str, float]:
    """Processor time of one event in microseconds, by part; ``shape`` is that of ``bodies``."""
    batches = list(_batches(kind, events, **shape))
    clocks = Clocks()
    async with _processor(environment) as processor:
        # The first batch fills what is remembered.
        await processor.apply(batches[:1])
        with clocks.on(PARTS):
            begun = time.process_time()
            for batch in batches[1:]:
                await processor.apply([batch])
            whole = time.process_time() - begun
    spent = {**clocks.spent, REST: whole - clocks.spent.total()}
    records = sum(len(batch.records) for batch in batches[1:])
    return {part: spent.get(part, 0.0) / records * MICROSECONDS for part in (*PARTS, REST)}


@asynccontextmanager
async def _processor(environment: Mapping[str, str]) -> AsyncIterator[Processor[Any]]:
    metrics = Metrics(steps.NAME)
    async with open_service(Settings.from_environment(environment), metrics, FeedMemory(list_price)) as (
        database,
        service,
    ):
        yield Processor(steps.NAME, database, one_by_one(service.on_events), metrics, lambda: None)


def _batches(kind: str, events: int, **shape: int) -> Iterator[Batch]:
    """Full batches of each partition, as the broker would have them; smaller ones where there are few events."""
    waiting: dict[int, list[Record]] = {}
    offsets: Counter[int] = Counter()
    at_ms, size = int(time.time() * 1000), min(BATCH, max(events // (4 * AGENT_EVENTS.partitions), 1))
    for key, body in bodies(kind, events, **shape):
        partition = partition_of(key, AGENT_EVENTS.partitions)
        records = waiting.setdefault(partition, [])
        records.append(Record(AGENT_EVENTS.name, partition, offsets[partition] + len(records), at_ms, key, body, ()))
        if len(records) == size:
            yield Batch(AGENT_EVENTS.name, partition, offsets[partition], records)
            offsets[partition] += size
            del waiting[partition]
