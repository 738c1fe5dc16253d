"""How telemetry-ingest grows with its processes: the same backlog, worked off by one and by two."""

import asyncio
from contextlib import AsyncExitStack

from flyball.schemas.topics import AGENT_EVENTS
from tests.bench.events import preload
from tests.bench.figures import table
from tests.bench.servers import Bench, bench, committed_rate, worked_by

NAME, SCHEMA = "telemetry-ingest", "telemetry_ingest"
KIND = "prediction.made"
PROCESSES = (1, 2)


async def measure(events: int) -> str:
    """The figures as Markdown."""
    rows = []
    for processes in PROCESSES:
        async with bench() as running:
            await asyncio.to_thread(preload, running.kafka, KIND, events)
            per_second, cpu_us = await _rate(running, processes, events)
            rows.append([f"{processes}", f"{per_second:,.0f}", f"{cpu_us:.1f}"])
    return table(["processes", f"`{KIND}`, events/s", "processor time of an event, µs"], rows)


async def _rate(running: Bench, processes: int, events: int) -> tuple[float, float]:
    environment = await running.environment()
    async with AsyncExitStack() as stack:
        services = [await stack.enter_async_context(running.service(NAME, environment)) for _ in range(processes)]
        worked = worked_by(*(service.process for service in services))
        rate = await committed_rate(environment, SCHEMA, AGENT_EVENTS.name, events, 0, worked)
        return rate.per_second, rate.cpu_us
