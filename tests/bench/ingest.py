"""telemetry-ingest end to end beside its two ceilings, one after the other in each repeat."""

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

from confluent_kafka.admin import AdminClient

from flyball.bus.hot import group_of
from flyball.schemas.topics import AGENT_EVENTS, DRIFT_REFERENCES, REGISTRY_SYSTEMS
from tests.bench import costs, ids, processes
from tests.bench.events import KINDS, preload
from tests.bench.figures import Rate, cpu, cpu_ratios, mebibytes, rates, ratios, spread, table
from tests.bench.servers import Bench, bench, committed_rate, memory_of, worked_by

NAME, SCHEMA = "telemetry-ingest", "telemetry_ingest"
IDS = 1_000_000


@dataclass(slots=True)
class Rates:
    """One rate for each repeat."""

    decode: list[Rate] = field(default_factory=list)
    validate: list[Rate] = field(default_factory=list)
    records: list[Rate] = field(default_factory=list)
    ingest: list[Rate] = field(default_factory=list)
    peaks: list[int] = field(default_factory=list)


async def measure(events: int, repeats: int) -> str:
    """The figures as Markdown."""
    whole = [await _measure_kind(kind, events, repeats) for kind in KINDS]
    return "\n\n".join([*whole, await processes.measure(events), await costs.measure(events), await ids.measure(IDS)])


async def _measure_kind(kind: str, events: int, repeats: int) -> str:
    measured = Rates()
    async with bench() as running:
        size = await asyncio.to_thread(preload, running.kafka, kind, events)
        for number in range(repeats):
            measured.decode.append(await _drain(running, "decode", events))
            measured.validate.append(await _drain(running, "validate", events))
            measured.records.append(await _drain(running, "records", events))
            await _ingest(running, events, measured)
            print(f"{kind}, repeat {number + 1}: {_line(measured)}", flush=True)
    return f"**`{kind}`**, {events:,} events of {size:.0f} bytes in the mean\n\n{_table(measured)}"


async def _drain(running: Bench, work: str, events: int) -> Rate:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.drain", running.kafka, work, str(events), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"tests.bench.drain {work} ended with status {process.returncode}; see its error above")
    return Rate(**json.loads(output))


async def _ingest(running: Bench, events: int, measured: Rates) -> None:
    environment = await running.environment()
    async with running.service(NAME, environment) as service:
        measured.ingest.append(
            await committed_rate(environment, SCHEMA, AGENT_EVENTS.name, events, 0, worked_by(service.process))
        )
        measured.peaks.append(memory_of(service).peak)
    forget_groups(running.kafka)


def forget_groups(bootstrap: str) -> None:
    """So that the next service does not wait for members of this one."""
    groups = [group_of(NAME, topic.name) for topic in (AGENT_EVENTS, DRIFT_REFERENCES, REGISTRY_SYSTEMS)]
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for deleted in admin.delete_consumer_groups(groups).values():
        deleted.result(30)


def _line(measured: Rates) -> str:
    latest = [series[-1].per_second for series in (measured.decode, measured.validate, measured.ingest)]
    return "decode {:,.0f}, validate {:,.0f}, ingest {:,.0f} events/s".format(*latest)


def _table(measured: Rates) -> str:
    rows = [
        _ratio("ingest / (a)", measured.ingest, measured.decode),
        _ratio("ingest / (b)", measured.ingest, measured.validate),
        ["(a) bare aiokafka + `orjson.loads`", rates(measured.decode), cpu(measured.decode)],
        ["(b) bare aiokafka + strict validation with our models", rates(measured.validate), cpu(measured.validate)],
        ["of which ingest drains the topic, in its own records", rates(measured.records), cpu(measured.records)],
        ["ingest, one process, to the commit", rates(measured.ingest), cpu(measured.ingest)],
    ]
    memory = f"Largest resident memory of ingest while it works off the backlog: {mebibytes(max(measured.peaks))}."
    return f"{table(['', 'events/s', 'processor time of an event, µs'], rows)}\n\n{memory}"


def _ratio(name: str, over: Sequence[Rate], under: Sequence[Rate]) -> list[str]:
    return [f"**{name}**", spread(ratios(over, under), ".2f"), spread(cpu_ratios(over, under), ".2f")]
