"""telemetry-ingest end to end beside its two ceilings, one after the other in each repeat."""

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

from confluent_kafka.admin import AdminClient

from flyball.bus.hot import group_of
from flyball.schemas.topics import AGENT_EVENTS, REGISTRY_SYSTEMS
from tests.bench.events import KINDS, preload
from tests.bench.figures import Rate, mebibytes, ratios, spread, table
from tests.bench.servers import Bench, bench, committed_rate, memory_of

NAME, SCHEMA = "telemetry-ingest", "telemetry_ingest"


@dataclass(slots=True)
class Rates:
    """One rate for each repeat."""

    decode: list[Rate] = field(default_factory=list)
    validate: list[Rate] = field(default_factory=list)
    ingest: list[Rate] = field(default_factory=list)
    peaks: list[int] = field(default_factory=list)


async def measure(events: int, repeats: int) -> str:
    """The figures as Markdown."""
    return "\n\n".join([await _measure_kind(kind, events, repeats) for kind in KINDS])


async def _measure_kind(kind: str, events: int, repeats: int) -> str:
    rates = Rates()
    async with bench() as running:
        size = await asyncio.to_thread(preload, running.kafka, kind, events)
        for number in range(repeats):
            rates.decode.append(await _drain(running, "decode", events))
            rates.validate.append(await _drain(running, "validate", events))
            await _ingest(running, events, rates)
            print(f"{kind}, repeat {number + 1}: {_line(rates)}", flush=True)
    return f"**`{kind}`**, {events:,} events of {size:.0f} bytes in the mean\n\n{_table(rates)}"


async def _drain(running: Bench, work: str, events: int) -> Rate:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.drain", running.kafka, work, str(events), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"tests.bench.drain {work} ended with status {process.returncode}; see its error above")
    return Rate(**json.loads(output))


async def _ingest(running: Bench, events: int, rates: Rates) -> None:
    environment = await running.environment()
    async with running.service(NAME, environment) as service:
        rates.ingest.append(await committed_rate(environment, SCHEMA, AGENT_EVENTS.name, events))
        rates.peaks.append(memory_of(service).peak)
    groups = [group_of(NAME, topic.name) for topic in (AGENT_EVENTS, REGISTRY_SYSTEMS)]
    admin = AdminClient({"bootstrap.servers": running.kafka})
    for deleted in admin.delete_consumer_groups(groups).values():
        deleted.result(30)


def _line(rates: Rates) -> str:
    latest = [series[-1].per_second for series in (rates.decode, rates.validate, rates.ingest)]
    return "decode {:,.0f}, validate {:,.0f}, ingest {:,.0f} events/s".format(*latest)


def _table(rates: Rates) -> str:
    over_decode, over_validate = ratios(rates.ingest, rates.decode), ratios(rates.ingest, rates.validate)
    rows = [
        ["ingest / (a)", spread(over_decode, ".2f"), "goal of the full service: 0.4"],
        ["ingest / (b)", spread(over_validate, ".2f"), "goal of the full service: 0.6"],
        ["(a) bare aiokafka + `orjson.loads`", _rates(rates.decode), "events/s"],
        ["(b) bare aiokafka + strict validation with our models", _rates(rates.validate), "events/s"],
        ["ingest, one process, to the commit", _rates(rates.ingest), "events/s"],
        ["ingest, largest resident memory", mebibytes(max(rates.peaks)), "while it works off the backlog"],
    ]
    return table(["", "median (smallest to largest)", ""], rows)


def _rates(rates: Sequence[Rate]) -> str:
    return spread([rate.per_second for rate in rates])
