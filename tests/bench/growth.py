"""How telemetry-ingest grows: with a second process, with fifty times the systems, and the same with OTLP.

Each run has a stack of its own. Its processes hold their partitions, and are halted while the load comes.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from flyball.schemas.topics import AGENT_EVENTS
from tests.bench.events import SYSTEMS, bodies, publish
from tests.bench.figures import Rate, cpu, cpu_ratios, megabytes, rates, ratios, spread, table
from tests.bench.otlp_ingest import DUE_SECONDS, SOON
from tests.bench.servers import bench, committed_rate, memory_of, worked_by
from tests.bench.traces import SPANS, messages, preload

NAME, SCHEMA = "telemetry-ingest", "telemetry_ingest"
KIND = "prediction.made"
SYSTEMS_MANY = 1_000
PATIENT = {"FLYBALL_KAFKA_SESSION_TIMEOUT_MS": "45000"}
"""So that the broker does not give the partitions of halted processes away."""
BYTES_MAX = 250 * 1_000_000


@dataclass(frozen=True, slots=True)
class Load:
    """What comes, and how many records of a topic are committed then, which stand for so many events or spans."""

    publish: Callable[[str], object]
    topic: str
    records: int
    things: int


@dataclass(slots=True)
class Series:
    """One rate for each repeat, and the largest memory of one process."""

    name: str
    load: Callable[[], Load]
    processes: int = 1
    rates: list[Rate] = field(default_factory=list)
    peak: int = 0


async def measure(events: int, spans: int, repeats: int) -> str:
    """The figures as Markdown."""
    native = [
        Series(f"one process, {SYSTEMS} systems", lambda: _events(events, SYSTEMS)),
        Series(f"two processes, {SYSTEMS} systems", lambda: _events(events, SYSTEMS), processes=2),
        Series(f"one process, {SYSTEMS_MANY:,} systems", lambda: _events(events, SYSTEMS_MANY)),
    ]
    otlp = [
        Series("one process, OTLP", lambda: _traces(spans)),
        Series("two processes, OTLP", lambda: _traces(spans), processes=2),
    ]
    for number in range(repeats):
        for series in (*native, *otlp):
            await _run(series)
            latest = series.rates[-1]
            figures = f"{latest.per_second:,.0f} a second, {latest.cpu_us:.1f} µs each"
            print(f"{series.name}, repeat {number + 1} of {repeats}: {figures}", flush=True)
    return f"{_table(f'`{KIND}`', 'event', native)}\n\n{_table('spans, to interactions', 'span', otlp)}"


def _events(count: int, systems: int) -> Load:
    prepared = list(bodies(KIND, count, systems=systems))
    return Load(lambda kafka: publish(kafka, AGENT_EVENTS.name, prepared), AGENT_EVENTS.name, count, count)


def _traces(spans: int) -> Load:
    """Counted by the interactions at the end of their way: spans are read long before these are counted."""
    traces = max(spans // SPANS, 1)
    prepared = list(messages(traces))
    return Load(lambda kafka: preload(kafka, prepared, DUE_SECONDS), AGENT_EVENTS.name, traces, traces * SPANS)


async def _run(series: Series) -> None:
    load = await asyncio.to_thread(series.load)
    async with bench() as running, AsyncExitStack() as stack:
        environment = {**await running.environment(), **SOON, **PATIENT}
        services = [
            await stack.enter_async_context(running.service(NAME, environment)) for _ in range(series.processes)
        ]
        for service in services:
            await service.wait_ready()
        for service in services:
            service.pause()
        try:
            await asyncio.to_thread(load.publish, running.kafka)
        finally:
            for service in services:
                service.resume()
        worked = worked_by(*(service.process for service in services))
        rate = await committed_rate(environment, SCHEMA, load.topic, load.records, 0, worked)
        things = round(rate.count / load.records * load.things)
        series.rates.append(Rate(things, rate.seconds, rate.cpu_seconds))
        series.peak = max(series.peak, *(memory_of(service).peak for service in services))


def _table(what: str, one: str, series: Sequence[Series]) -> str:
    memory = "largest memory of a process, under 250 MB"
    head = [what, f"{one}s/s", "of the first line", f"processor time of one {one}, µs", "of the first line", memory]
    return table(head, [_row(each, series[0]) for each in series])


def _row(series: Series, first: Series) -> list[str]:
    return [
        series.name,
        rates(series.rates),
        spread(ratios(series.rates, first.rates), ".2f"),
        cpu(series.rates),
        spread(cpu_ratios(first.rates, series.rates), ".2f"),
        f"{megabytes(series.peak)}, {'kept' if series.peak < BYTES_MAX else '**broken**'}",
    ]
