"""Resident memory of every service: when it is ready and idle, after a load, and at most."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack

from flyball.schemas.topics import AGENT_EVENTS
from flyball.stack import ServiceProcess, discover
from flyball.stack.services import url_variable
from tests.bench.events import preload
from tests.bench.figures import MEBIBYTE, mebibytes, table
from tests.bench.servers import Bench, Memory, bench, committed_rate, memory_of, worked_by

IDLE_BYTES_MAX = 150 * MEBIBYTE
SETTLE_SECONDS = 5
"""A second or two after /ready the first heartbeats, polls and relay rounds are over."""
KIND = "interaction.completed"


async def measure(events: int) -> str:
    """The figures as Markdown."""
    async with bench() as running, AsyncExitStack() as stack:
        environment = await running.environment()
        services = await _started(running, environment, stack)
        await asyncio.sleep(SETTLE_SECONDS)
        idle = {name: memory_of(service) for name, service in services.items()}
        await asyncio.to_thread(preload, running.kafka, KIND, events)
        worked = worked_by(services["telemetry-ingest"].process)
        await committed_rate(environment, "telemetry_ingest", AGENT_EVENTS.name, events, 0, worked)
        await asyncio.sleep(SETTLE_SECONDS)
        return _table(events, idle, {name: memory_of(service) for name, service in services.items()})


async def _started(running: Bench, environment: Mapping[str, str], stack: AsyncExitStack) -> dict[str, ServiceProcess]:
    services: dict[str, ServiceProcess] = {}
    urls: dict[str, str] = {}
    for name in sorted(discover(), key="console".__eq__):
        # Last of all console, which is told where the others answer.
        services[name] = await stack.enter_async_context(running.service(name, {**environment, **urls}))
        urls[url_variable(name)] = services[name].url
    for service in services.values():
        await service.wait_ready()
    return services


def _table(events: int, idle: Mapping[str, Memory], after: Mapping[str, Memory]) -> str:
    rows = [
        [name, mebibytes(idle[name].now), _verdict(idle[name]), mebibytes(after[name].now), mebibytes(after[name].peak)]
        for name in idle
    ]
    return table(["service", "idle", "at most 150 MiB", f"after {events:,} events", "largest"], rows)


def _verdict(memory: Memory) -> str:
    return "kept" if memory.now <= IDLE_BYTES_MAX else "**broken**"
