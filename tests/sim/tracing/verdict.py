"""What must hold at the end, recomputed from the topics alone: one reader, one message at a time, nothing ever dies."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from flyball.bus.records import Record
from flyball.schemas.topics import AGENT_EVENTS, OTLP_LOGS, OTLP_SPANS, TELEMETRY_EXCEPTIONS
from flyball.sim.broker import Broker
from flyball.sim.database import MemoryDatabase
from telemetry_ingest.domain.otlp.assembly import RECEIVED, SPANS, Assembly
from telemetry_ingest.domain.otlp.facts import OtlpRead
from telemetry_ingest.domain.otlp.telling import NativeEvent
from telemetry_ingest.domain.otlp.traces import Home, TraceLimits
from telemetry_ingest.otlp import TICK, _published
from tests.sim.tracing.memory import TOTALS
from tests.sim.tracing.memory import TRACES as TABLE

Known = Mapping[bytes, OtlpRead]


def conserved(broker: Broker, database: MemoryDatabase, known: Known) -> None:
    """Received = what became of them, and by then nothing waits."""
    for signal, topic in (("spans", OTLP_SPANS.name), ("logs", OTLP_LOGS.name)):
        reads = [known.get(record.value or b"") for record in broker.records(topic) if record.value != TICK]
        sent = sum(1 if read is None else len(read.spans) + len(read.evaluations) for read in reads)
        counts: Counter[str] = Counter()
        for (of, _), fates in database.rows(TOTALS).items():
            if of == signal:
                counts += fates
        assert counts.pop(RECEIVED) == sent, (signal, counts)
        assert counts.total() == sent, (signal, counts, sent)
    assert sum(row.waiting for row in database.rows(TABLE).values()) == 0


def told_once(broker: Broker, known: Known, limits: TraceLimits) -> None:
    """One interaction per trace and system; of traces that lie on one partition, those that a single reader tells."""
    told: dict[str, set[tuple[Any, ...]]] = defaultdict(set)
    for record in broker.records(AGENT_EVENTS.name):
        kind, trace, event = _event(record)
        if kind == "interaction.completed":
            told[trace].add(event)
    twice = {trace: events for trace, events in told.items() if len({key for key, *_ in events}) < len(events)}
    assert not twice, f"told in two ways: {twice}"
    whole = {trace for trace, places in _places(broker, known).items() if len(places) == 1}
    expected: dict[str, set[tuple[Any, ...]]] = defaultdict(set)
    for trace, event in _alone(broker, known, limits):
        if trace in whole:
            expected[trace].add(event)
    assert {trace: events for trace, events in told.items() if trace in whole} == expected


def judged_once(broker: Broker, known: Known) -> None:
    """Each judgement of an answer is told in one way: of the trace that has it, or of the answer where none came."""
    asked = {one.response_id for read in known.values() for one in read.evaluations if one.trace_id is None}
    told: dict[bytes, set[str]] = defaultdict(set)
    for record in broker.records(AGENT_EVENTS.name):
        body = (record.value or b"").decode()
        if '"metric":"relevance"' in body:
            told[dict(record.headers)["ce_id"] or b""].add(body.split('"interaction_id":"')[1].split('"')[0])
    assert all(len(names) == 1 for names in told.values()), told
    names = {name for each in told.values() for name in each}
    traces = {(answer or "").split()[1] for answer in asked}
    assert len(traces - {name.split()[1] if " " in name else name for name in names}) == 0, (traces, names)
    assert {name for name in names if " " in name} <= asked


def personal_data_told(broker: Broker, known: Known, limits: TraceLimits) -> None:
    """Of each system that sends some, once for each partition that tells of it: all of this takes less than an hour."""
    whole = {trace for trace, places in _places(broker, known).items() if len(places) == 1}
    sent = {event.system for event in _told_alone(broker, known, limits) if event.masked and _trace_of(event) in whole}
    told = Counter(key for _, key in {_identity(record) for record in broker.records(TELEMETRY_EXCEPTIONS.name)})
    assert sent <= {(key or b"").decode() for key in told}, (sent, told)
    places = len(broker.partitions(OTLP_SPANS.name)) + len(broker.partitions(OTLP_LOGS.name))
    assert max(told.values(), default=0) <= places, told


def _identity(record: Record) -> tuple[bytes | None, bytes | None]:
    """Whoever published before it died publishes again: a fact is one by its id."""
    return dict(record.headers)["ce_id"], record.key


def _trace_of(event: NativeEvent) -> str:
    return str(vars(event.data)["interaction_id"])


def _alone(broker: Broker, known: Known, limits: TraceLimits) -> Iterator[tuple[str, tuple[Any, ...]]]:
    for event in _told_alone(broker, known, limits):
        message = _published(event)
        kind, trace, published = _event(Record("", 0, 0, 0, message.key, message.body, message.headers))
        if kind == "interaction.completed":
            yield trace, published


def _told_alone(broker: Broker, known: Known, limits: TraceLimits) -> Iterator[NativeEvent]:
    for log in broker.partitions(OTLP_SPANS.name):
        reader = Assembly(Home(log.topic, log.partition), limits, {})
        for record in log.records:
            read = known.get(record.value or b"")
            if read is not None:
                reader.take(read, SPANS, record.timestamp_ms)
            reader.tell_due(list(reader.traces.values()), record.timestamp_ms)
        yield from reader.events


def _places(broker: Broker, known: Known) -> dict[str, set[int]]:
    """The partitions on which each trace lies; one that an evaluation began may have its time from another topic."""
    places: dict[str, set[int]] = defaultdict(set)
    for record in broker.records(OTLP_SPANS.name):
        for span in known.get(record.value or b"", OtlpRead()).spans:
            places[span.trace_id].add(record.partition)
    for record in broker.records(OTLP_LOGS.name):
        for judgement in known.get(record.value or b"", OtlpRead()).evaluations:
            places[judgement.trace_id or (judgement.response_id or "").split()[1]] |= {-1, -2}
    return places


def _event(record: Record) -> tuple[str, str, tuple[Any, ...]]:
    headers = {name: (value or b"").decode() for name, value in record.headers}
    body = (record.value or b"").decode()
    return headers["ce_type"], body.split('"interaction_id":"')[1][:32], (record.key, headers["ce_id"], body)
