"""Where the processor time of a span goes: the real service on a real Postgres, each of its steps with a clock.

Without Kafka, and without what becomes of the native events, which ``tests.bench.parts`` measures.
"""

import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from importlib.resources import files
from statistics import median
from typing import Any

import psutil

from flyball.bus.partitions import partition_of
from flyball.bus.processor import Processor, one_by_one
from flyball.bus.records import Batch, Record
from flyball.observe.metrics import Metrics
from flyball.schemas.topics import OTLP_SPANS
from flyball.store.postgres import PostgresTransaction, open_postgres
from telemetry_ingest import otlp as shell
from telemetry_ingest.adapters import traces as stored
from telemetry_ingest.adapters.feeds import FeedMemory, PostgresFeeds
from telemetry_ingest.adapters.otlp import OtlpReader
from telemetry_ingest.adapters.price_list import list_price
from telemetry_ingest.adapters.traces import PostgresTraces
from telemetry_ingest.app import SCHEMA, otlp_ingest
from telemetry_ingest.domain.otlp import assembly
from telemetry_ingest.domain.otlp.assembly import Assembly
from telemetry_ingest.settings import Settings
from tests.bench.clocks import Clocked, Clocks
from tests.bench.collector import collect_as_a_service
from tests.bench.figures import MICROSECONDS, spread, table
from tests.bench.servers import Bench
from tests.bench.traces import MESSAGES, SPANS, messages

MESSAGES_PER_SECOND = 5_000
"""By append time: some seconds lie between a trace and its end, as with live agents."""
PARTS: Clocked = {
    "read to facts": [(shell.OtlpIngest, "_read")],
    "put spans to their traces": [(Assembly, "take"), (shell, "traces_in")],
    "tell traces": [(assembly, "tell")],
    "price requests, tell of personal data": [(shell, "settled")],
    "write native events": [(shell, "_published"), (shell, "_rejections")],
    "traces to bytes and back": [(stored, "to_bytes"), (stored, "from_bytes")],
    "Postgres client: traces": [
        (PostgresTraces, name) for name in ("load", "with_answers", "free", "due", "save", "end")
    ],
    "Postgres client: feeds": [(PostgresFeeds, "open"), (PostgresFeeds, "save")],
    "Postgres client: outbox, position": [(PostgresTransaction, "enqueue"), (PostgresTransaction, "advance")],
}
REST = "the rest, with the commit"
SERVER = "beside it: Postgres itself"


async def costs(running: Bench, traces: int, repeats: int) -> str:
    """The figures as Markdown."""
    collect_as_a_service()
    runs = [await microseconds_by_part(running, traces) for _ in range(repeats)]
    rows = [[part, f"{median(run[part] for run in runs):.2f}"] for part in (*PARTS, REST)]
    sums = [sum(run[part] for part in (*PARTS, REST)) for run in runs]
    rows.append(["**sum, without Kafka, relay and what becomes of native events**", spread(sums, ".1f")])
    rows.append([SERVER, spread([run[SERVER] for run in runs], ".1f")])
    return table(["processor time of a span by part", "µs"], rows)


async def microseconds_by_part(running: Bench, traces: int) -> dict[str, float]:
    """Processor time of one span by part."""
    batches, clocks = list(_batches(traces)), Clocks()
    async with _processor(await running.environment()) as processor:
        await processor.apply(batches[:1])
        serving = _family_seconds(running.postgres.pid)
        with clocks.on(PARTS):
            begun = time.process_time()
            for batch in batches[1:]:
                await processor.apply([batch])
            whole = time.process_time() - begun
        served = _family_seconds(running.postgres.pid) - serving
    spent = {**clocks.spent, REST: whole - clocks.spent.total(), SERVER: served}
    spans = sum(len(batch.records) for batch in batches[1:]) * SPANS / MESSAGES
    return {part: spent.get(part, 0.0) / spans * MICROSECONDS for part in (*PARTS, REST, SERVER)}


def _family_seconds(pid: int) -> float:
    parent = psutil.Process(pid)
    return sum(sum(member.cpu_times()[:2]) for member in (parent, *parent.children(recursive=True)))


@asynccontextmanager
async def _processor(environment: Mapping[str, str]) -> AsyncIterator[Processor[Any]]:
    settings, metrics = Settings.from_environment(environment), Metrics(shell.NAME)
    migrations = [files("telemetry_ingest").joinpath("migrations")]
    async with open_postgres(settings, SCHEMA, migrations) as database:
        reader, memory = OtlpReader(settings.otlp_limits()), FeedMemory(list_price)
        service = otlp_ingest(settings, reader, memory, metrics)
        yield Processor(shell.NAME, database, one_by_one(service.on_spans), metrics, lambda: None)


def _batches(traces: int) -> Iterator[Batch]:
    """Batches of each partition as the consumer would have them, and in the end a tick that tells what waits."""
    size = Settings.model_fields["otlp_batch_messages_max"].default
    waiting: dict[int, list[Record]] = {number: [] for number in range(OTLP_SPANS.partitions)}
    begun: Counter[int] = Counter()
    at_ms = int(time.time() * 1_000)
    for number, (key, body) in enumerate(messages(traces)):
        partition = partition_of(key, OTLP_SPANS.partitions)
        records, append_ms = waiting[partition], at_ms + number * 1_000 // MESSAGES_PER_SECOND
        records.append(_record(partition, begun[partition] + len(records), append_ms, body))
        if len(records) == size:
            yield _batch(partition, begun, records)
            waiting[partition] = []
    last_ms = at_ms + traces * MESSAGES * 1_000 // MESSAGES_PER_SECOND + 60_000
    for partition, records in waiting.items():
        records.append(_record(partition, begun[partition] + len(records), last_ms, shell.TICK))
        yield _batch(partition, begun, records)


def _record(partition: int, offset: int, at_ms: int, body: bytes) -> Record:
    return Record(OTLP_SPANS.name, partition, offset, at_ms, None, body, ())


def _batch(partition: int, begun: Counter[int], records: list[Record]) -> Batch:
    batch = Batch(OTLP_SPANS.name, partition, begun[partition], records)
    begun[partition] += len(records)
    return batch
