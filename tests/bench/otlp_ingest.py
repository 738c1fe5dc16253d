"""OpenTelemetry end to end: from spans in protobuf on Kafka to interactions that are counted, beside its ceilings."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

import asyncpg
from confluent_kafka import OFFSET_END, TopicPartition
from confluent_kafka.admin import AdminClient

from flyball.schemas.topics import AGENT_EVENTS, OTLP_SPANS
from tests.bench.drain import FACTS, PARSE, drained
from tests.bench.figures import Rate, cpu, mebibytes, rates, table
from tests.bench.ingest import ratio_row
from tests.bench.otlp_costs import costs
from tests.bench.servers import ERRORS, SECONDS_MAX, Bench, bench, committed_rate, forget_groups, memory_of, worked_by
from tests.bench.traces import MESSAGES, SPANS, messages, preload, records_of

NAME, SCHEMA = "telemetry-ingest", "telemetry_ingest"
SETTLE_SECONDS = 1
SOON = {"FLYBALL_OTLP_SETTLE_SECONDS": f"{SETTLE_SECONDS}", "FLYBALL_OTLP_TICK_SECONDS": "60"}
DUE_SECONDS = SETTLE_SECONDS + 0.5
"""Traces are told while the backlog is read, as they are in a steady stream; its own ticks stand at its end."""


@dataclass(slots=True)
class Backlog:
    """What lies ready. ``told``: interactions that earlier runs have published."""

    traces: int
    bytes: int
    told: int = 0

    @property
    def spans(self) -> int:
        return self.traces * SPANS

    @property
    def records(self) -> int:
        return records_of(self.traces)


@dataclass(slots=True)
class Rates:
    """Of spans, one rate for each repeat."""

    parse: list[Rate] = field(default_factory=list)
    facts: list[Rate] = field(default_factory=list)
    ingest: list[Rate] = field(default_factory=list)
    peaks: list[int] = field(default_factory=list)


async def measure(spans: int, repeats: int) -> str:
    """The figures as Markdown."""
    measured, traces = Rates(), max(spans // SPANS, 1)
    async with bench() as running:
        size = await asyncio.to_thread(preload, running.kafka, messages(traces), DUE_SECONDS)
        backlog = Backlog(traces, size)
        for number in range(repeats):
            measured.parse.append(_of_spans(await drained(running.kafka, PARSE, backlog.records), backlog))
            measured.facts.append(_of_spans(await drained(running.kafka, FACTS, backlog.records), backlog))
            await _ingest(running, backlog, measured)
            latest = measured.parse[-1].per_second, measured.facts[-1].per_second, measured.ingest[-1].per_second
            line = "bare decode {:,.0f}, facts {:,.0f}, ingest {:,.0f} spans/s".format(*latest)
            print(f"repeat {number + 1} of {repeats}: {line}", flush=True)
        by_part = await costs(running, traces, repeats)
    return f"{_table(backlog, measured)}\n\n{by_part}"


def _of_spans(rate: Rate, backlog: Backlog) -> Rate:
    """The rate of spans from that of records, of which all but a few ticks have as many."""
    return Rate(round(rate.count / backlog.records * backlog.spans), rate.seconds, rate.cpu_seconds)


async def _ingest(running: Bench, backlog: Backlog, measured: Rates) -> None:
    environment = {**await running.environment(), **SOON}
    backlog.told += backlog.traces
    async with running.service(NAME, environment) as service:
        counted, worked = (AGENT_EVENTS.name, backlog.told), worked_by(service.process)
        rate = await committed_rate(environment, SCHEMA, OTLP_SPANS.name, backlog.records, 0, worked, counted)
        measured.ingest.append(_of_spans(rate, backlog))
        measured.peaks.append(memory_of(service).peak)
    await check_all_used(environment, backlog.spans)
    forget_groups(running.kafka, NAME)
    _cut(running.kafka)


async def check_all_used(environment: Mapping[str, str], spans: int) -> None:
    """RuntimeError where some span did not count: a rate of what was left out says nothing."""
    connection = await asyncpg.connect(environment["FLYBALL_POSTGRES"])
    try:
        used = await connection.fetchval(f"SELECT sum(used) FROM {SCHEMA}.otlp_totals")
    finally:
        await connection.close()
    if used != spans:
        raise RuntimeError(f"{used} of {spans} spans were used")


def _cut(bootstrap: str) -> None:
    """Take the native events away that were published, so that the next service finds none but its own."""
    ends = [TopicPartition(AGENT_EVENTS.name, number, OFFSET_END) for number in range(AGENT_EVENTS.partitions)]
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": ERRORS})
    for cut in admin.delete_records(ends).values():
        cut.result(SECONDS_MAX)


def _table(backlog: Backlog, measured: Rates) -> str:
    rows = [
        ratio_row("ingest / (a)", measured.ingest, measured.parse),
        ratio_row("ingest / (b)", measured.ingest, measured.facts),
        ratio_row("(b) / (a), goal 0.6", measured.facts, measured.parse),
        ["(a) bare aiokafka + bare decode", rates(measured.parse), cpu(measured.parse)],
        ["(b) bare aiokafka + our facts", rates(measured.facts), cpu(measured.facts)],
        ["ingest, one process, to the interactions that are counted", rates(measured.ingest), cpu(measured.ingest)],
    ]
    size = f"{backlog.spans:,} spans of {backlog.bytes / backlog.spans:.0f} bytes in the mean"
    head = f"{size}, {SPANS} of a trace in {MESSAGES} messages"
    memory = f"Largest resident memory of ingest while it works off the backlog: {mebibytes(max(measured.peaks))}."
    return f"{head}\n\n{table(['', 'spans/s', 'processor time of a span, µs'], rows)}\n\n{memory}"
