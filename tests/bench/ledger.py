"""budget-ledger with a short and with a long history, one after the other in each repeat."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from confluent_kafka import Producer

from flyball.bus.messages import fact
from flyball.schemas.summaries import EvaluationStatistics, Histogram, InteractionStatistics, TelemetrySummary
from flyball.schemas.topics import TELEMETRY_SUMMARIES
from flyball.stats.decimal_bins import decimal_bin
from tests.bench.figures import Rate, cpu, cpu_ratios, mebibytes, rates, ratios, spread, table
from tests.bench.history import broken_links, entries_in, write_history
from tests.bench.servers import Bench, bench, committed_rate, memory_of, worked_by

NAME, SCHEMA = "budget-ledger", "budget_ledger"
MEASURED = tuple(f"measured-{number:02}" for number in range(20))
OTHERS = tuple(f"other-{number:02}" for number in range(20))
SHORT = 1_000
INTERACTIONS = 100
"""Of one summary: ten interactions a second of one release."""


@dataclass(slots=True)
class Book:
    """One ledger: its settings, how long its history is, and what was measured of it."""

    environment: dict[str, str]
    entries: int
    rates: list[Rate] = field(default_factory=list)
    peaks: list[int] = field(default_factory=list)

    @property
    def dsn(self) -> str:
        return self.environment["FLYBALL_POSTGRES"]


async def measure(summaries: int, history: int, repeats: int) -> str:
    """The figures as Markdown. AssertionError when a chain does not hold."""
    async with bench() as running:
        short, long = [await _with_history(running, entries) for entries in (SHORT, history)]
        for number in range(repeats):
            _preload(running.kafka, summaries, seed=number)
            for book in (short, long) if number % 2 else (long, short):
                await _run(running, book, summaries * (number + 1), summaries)
            print(
                f"ledger, repeat {number + 1}: {short.rates[-1].per_second:,.0f} summaries/s after {SHORT:,} entries,"
                f" {long.rates[-1].per_second:,.0f} after {history:,}",
                flush=True,
            )
        for book in (short, long):
            assert await broken_links(book.dsn) == {"entries": 0, "heads": 0}
        return _table(short, long, [await entries_in(book.dsn) for book in (short, long)])


async def _with_history(running: Bench, entries: int) -> Book:
    book = Book(await running.environment(), entries)
    async with running.service(NAME, book.environment) as service:
        await service.wait_ready()
    await write_history(book.dsn, MEASURED + OTHERS, entries)
    return book


async def _run(running: Bench, book: Book, goal: int, count: int) -> None:
    async with running.service(NAME, book.environment) as service:
        worked = worked_by(service.process, running.postgres)
        before = goal - count
        book.rates.append(
            await committed_rate(book.environment, SCHEMA, TELEMETRY_SUMMARIES.name, goal, before, worked)
        )
        book.peaks.append(memory_of(service).peak)


def _preload(bootstrap: str, count: int, seed: int) -> None:
    """Ten seconds of a hundred interactions for each summary, round the measured systems."""
    generator = random.Random(seed)
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 50})
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
    for number in range(count):
        system = MEASURED[number % len(MEASURED)]
        event = _summary(generator, system, start + timedelta(seconds=number // len(MEASURED) % 600 * 10))
        identity = UUID(int=generator.getrandbits(128), version=4)
        message = fact(TELEMETRY_SUMMARIES, event, source="bench", identity=identity, system=system, time=start)
        producer.produce(message.topic, message.body, message.key, headers=list(message.headers))
        producer.poll(0)
    if producer.flush(60):
        raise TimeoutError("the broker did not take all summaries within a minute")


def _summary(generator: random.Random, system: str, start: datetime) -> TelemetrySummary:
    latencies = [int(generator.lognormvariate(14, 0.5)) for _ in range(INTERACTIONS)]
    bins = Counter(map(decimal_bin, latencies))
    judged = EvaluationStatistics(
        metric="factuality",
        evaluator="judge",
        evaluator_version="3",
        sampling_ppm=100_000,
        count=10,
        passed=9,
        failed=1,
    )
    return TelemetrySummary(
        tenant="default",
        system=system,
        release="2026.11.1",
        segment=None,
        bucket_start=start,
        event_time_max=start,
        interactions=InteractionStatistics(
            count=INTERACTIONS, latency_us=Histogram(count=INTERACTIONS, total=sum(latencies), bins=dict(bins))
        ),
        evaluations=(judged,),
    )


def _table(short: Book, long: Book, ends: Sequence[int]) -> str:
    over, under = long.rates, short.rates
    rows = [
        [
            "**long history / short history**",
            spread(ratios(over, under), ".2f"),
            spread(cpu_ratios(over, under), ".2f"),
        ],
        [f"after {short.entries:,} entries ({ends[0]:,} at the end)", rates(under), cpu(under)],
        [f"after {long.entries:,} entries ({ends[1]:,} at the end)", rates(over), cpu(over)],
    ]
    memory = f"Largest resident memory of the ledger with the long history: {mebibytes(max(long.peaks))}."
    return f"{table(['', 'summaries/s', 'processor time of a summary, ledger and Postgres, µs'], rows)}\n\n{memory}"
