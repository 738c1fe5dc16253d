"""How telemetry-ingest grows: a second process at the same backlog, and fifty times the systems."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from flyball.schemas.topics import AGENT_EVENTS
from tests.bench.events import SYSTEMS, preload
from tests.bench.figures import Rate, cpu, cpu_ratios, megabytes, rates, ratios, spread, table
from tests.bench.servers import Bench, bench, committed_rate, forget_groups, memory_of, worked_by

NAME, SCHEMA = "telemetry-ingest", "telemetry_ingest"
KIND = "prediction.made"
SYSTEMS_MANY = 1_000
BYTES_MAX = 250 * 1_000_000


@dataclass(slots=True)
class Series:
    """One rate for each repeat, and the largest memory of one process."""

    rates: list[Rate] = field(default_factory=list)
    peak: int = 0


async def measure(events: int, repeats: int) -> str:
    """The figures as Markdown."""
    one, two, many = Series(), Series(), Series()
    async with bench() as running:
        await asyncio.to_thread(preload, running.kafka, KIND, events)
        for _ in range(repeats):
            await _run(running, one, 1, events)
            await _run(running, two, 2, events)
    async with bench() as running:
        await asyncio.to_thread(preload, running.kafka, KIND, events, systems=SYSTEMS_MANY)
        for _ in range(repeats):
            await _run(running, many, 1, events)
    return _table(one, two, many)


async def _run(running: Bench, series: Series, processes: int, events: int) -> None:
    environment = await running.environment()
    async with AsyncExitStack() as stack:
        services = [await stack.enter_async_context(running.service(NAME, environment)) for _ in range(processes)]
        # The backlog is worked off by all of them only where all of them hold partitions before it begins.
        for service in services:
            await service.wait_ready()
        worked = worked_by(*(service.process for service in services))
        rate = await committed_rate(environment, SCHEMA, AGENT_EVENTS.name, events, 0, worked)
        series.rates.append(rate)
        series.peak = max(series.peak, *(memory_of(service).peak for service in services))
    forget_groups(running.kafka, NAME)
    print(f"{processes} processes: {rate.per_second:,.0f} events/s, {rate.cpu_us:.1f} µs each", flush=True)


def _table(one: Series, two: Series, many: Series) -> str:
    head = [
        f"`{KIND}`",
        "events/s",
        "of the first line",
        "processor time of an event, µs",
        "of the first line",
        "largest memory of a process, under 250 MB",
    ]
    lines = [
        (f"one process, {SYSTEMS} systems", one),
        (f"two processes, {SYSTEMS} systems", two),
        (f"one process, {SYSTEMS_MANY:,} systems", many),
    ]
    return table(head, [_row(name, series, one) for name, series in lines])


def _row(name: str, series: Series, first: Series) -> list[str]:
    return [
        name,
        rates(series.rates),
        spread(ratios(series.rates, first.rates), ".2f"),
        cpu(series.rates),
        spread(cpu_ratios(first.rates, series.rates), ".2f"),
        f"{megabytes(series.peak)}, {'kept' if series.peak < BYTES_MAX else '**broken**'}",
    ]
