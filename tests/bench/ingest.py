"""telemetry-ingest end to end beside its two ceilings, one after the other in each repeat."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from flyball.schemas.topics import AGENT_EVENTS
from tests.bench.drain import DECODE, RECORDS, VALIDATE, drained
from tests.bench.events import KINDS, preload
from tests.bench.figures import Rate, cpu, cpu_ratios, mebibytes, rates, ratios, spread, table
from tests.bench.servers import Bench, bench, committed_rate, forget_groups, memory_of, worked_by

NAME, SCHEMA = "telemetry-ingest", "telemetry_ingest"


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
    return "\n\n".join([await _measure_kind(kind, events, repeats) for kind in KINDS])


async def _measure_kind(kind: str, events: int, repeats: int) -> str:
    measured = Rates()
    async with bench() as running:
        size = await asyncio.to_thread(preload, running.kafka, kind, events)
        for number in range(repeats):
            measured.decode.append(await drained(running.kafka, DECODE, events))
            measured.validate.append(await drained(running.kafka, VALIDATE, events))
            measured.records.append(await drained(running.kafka, RECORDS, events))
            await _ingest(running, events, measured)
            print(f"{kind}, repeat {number + 1} of {repeats}: {_line(measured)}", flush=True)
    return f"**`{kind}`**, {events:,} events of {size:.0f} bytes in the mean\n\n{_table(measured)}"


async def _ingest(running: Bench, events: int, measured: Rates) -> None:
    environment = await running.environment()
    async with running.service(NAME, environment) as service:
        measured.ingest.append(
            await committed_rate(environment, SCHEMA, AGENT_EVENTS.name, events, 0, worked_by(service.process))
        )
        measured.peaks.append(memory_of(service).peak)
    forget_groups(running.kafka, NAME)


def _line(measured: Rates) -> str:
    latest = [series[-1].per_second for series in (measured.decode, measured.validate, measured.ingest)]
    return "decode {:,.0f}, validate {:,.0f}, ingest {:,.0f} events/s".format(*latest)


def _table(measured: Rates) -> str:
    rows = [
        ratio_row("ingest / (a), goal 0.4", measured.ingest, measured.decode),
        ratio_row("ingest / (b), goal 0.6", measured.ingest, measured.validate),
        ["(a) bare aiokafka + `orjson.loads`", rates(measured.decode), cpu(measured.decode)],
        ["(b) bare aiokafka + strict validation with our models", rates(measured.validate), cpu(measured.validate)],
        ["of which ingest drains the topic, in its own records", rates(measured.records), cpu(measured.records)],
        ["ingest, one process, to the commit", rates(measured.ingest), cpu(measured.ingest)],
    ]
    memory = f"Largest resident memory of ingest while it works off the backlog: {mebibytes(max(measured.peaks))}."
    return f"{table(['', 'events/s', 'processor time of an event, µs'], rows)}\n\n{memory}"


def ratio_row(name: str, over: Sequence[Rate], under: Sequence[Rate]) -> list[str]:
    """Of rates, and of processor times."""
    return [f"**{name}**", spread(ratios(over, under), ".2f"), spread(cpu_ratios(over, under), ".2f")]
