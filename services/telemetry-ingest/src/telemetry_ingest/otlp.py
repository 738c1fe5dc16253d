"""The shell for OpenTelemetry: decode messages, put spans to their traces, publish what is told as native events."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Generic
from uuid import UUID, uuid5

from flyball.bus.messages import fact
from flyball.bus.processor import one_by_one
from flyball.bus.records import Batch, Record, id_of_position
from flyball.bus.subscription import Subscription
from flyball.observe.metrics import Metrics
from flyball.schemas.base import DEFAULT_TENANT, UNKNOWN_SYSTEM
from flyball.schemas.envelope import headers_of
from flyball.schemas.rejected import Position, TelemetryRejected
from flyball.schemas.topics import AGENT_EVENTS, OTLP_LOGS, OTLP_SPANS, REGISTRY_SYSTEMS, TELEMETRY_REJECTED
from flyball.schemas.unreadable import Unreadable
from flyball.store.ports import Outgoing, Tx
from telemetry_ingest.domain.otlp.assembly import LOGS, SPANS, Assembly, Signal, traces_in
from telemetry_ingest.domain.otlp.facts import OtlpRead, RejectedPart
from telemetry_ingest.domain.otlp.names import as_name
from telemetry_ingest.domain.otlp.responses import answers_in
from telemetry_ingest.domain.otlp.telling import NativeEvent
from telemetry_ingest.domain.otlp.traces import Home, Trace, TraceLimits
from telemetry_ingest.looking import RECORD
from telemetry_ingest.masking.documents import masked_body, masked_headers
from telemetry_ingest.masking.texts import masked
from telemetry_ingest.otlp_ports import Encoding, Reader, Traces
from telemetry_ingest.ports import Feeds
from telemetry_ingest.settling import Found, settled

Read = Callable[[bytes | None, Encoding, int], OtlpRead]
NAME: Final = "telemetry-ingest"
SOURCE: Final = "otlp"
"""CloudEvents source of what traces tell: with an id that is derived from the trace, it is counted once."""
DUE_MAX: Final = 2_000
"""Traces told beside those that a batch touches; the next batch, or a tick, tells more."""
TICK: Final = b"{}"
"""OTLP/JSON for nothing: its append time is what counts, and whoever else reads the topic finds no span in it."""
NANOSECONDS: Final = 1_000_000
PARTS_BYTES_FACTOR: Final = 2
PARTS_BYTES_MORE: Final = 65_536
"""Bad parts carry their resource with them: beyond twice the message and this, the message itself is shorter."""


@dataclass(frozen=True, slots=True)
class OtlpIngest(Generic[Tx]):
    reader: Reader
    encoding: Encoding
    traces: Callable[[Tx], Traces]
    feeds: Callable[[Tx], Feeds]
    limits: TraceLimits
    waiting_max: int
    """Traces that may wait in one partition."""
    metrics: Metrics

    async def on_spans(self, transaction: Tx, batch: Batch) -> None:
        """One batch of messages with spans; all its effects are in ``transaction``."""
        await self._take(transaction, batch, SPANS, self.reader.traces)

    async def on_logs(self, transaction: Tx, batch: Batch) -> None:
        await self._take(transaction, batch, LOGS, self.reader.logs)

    async def _take(self, transaction: Tx, batch: Batch, signal: Signal, read: Read) -> None:
        messages = [(record, self._read(record, read)) for record in batch.records]
        home, store = Home(batch.topic, batch.partition), self.traces(transaction)
        reads = [said for _, said in messages if isinstance(said, OtlpRead)]
        answers = answers_in(reads)
        known = await store.with_answers(answers) if answers else {}
        touched = traces_in(reads, known, answers)
        assembly = Assembly(home, self.limits, await store.load(touched), known=known)
        out: list[Outgoing] = []
        found: list[Found] = []
        for record, said in messages:
            if isinstance(said, OtlpRead):
                assembly.take(said, signal, record.timestamp_ms)
            else:
                assembly.reject(signal)
            out += _rejections(record, said, found)
        await self._tell(store, assembly, touched, max(record.timestamp_ms for record in batch.records))
        told = await settled(self.feeds(transaction), batch, assembly.events, found)
        await transaction.enqueue([*map(_published, told.events), *out, *told.messages])
        self.metrics.traces_told_again.inc(assembly.told_again)
        for kind in told.kinds:
            self.metrics.exceptions.labels(kind).inc()
        for count, number in assembly.counts.items():
            self.metrics.otlp.labels(*count).inc(number)

    def _read(self, record: Record, read: Read) -> OtlpRead | Unreadable:
        if record.value == TICK:
            return OtlpRead()
        try:
            return read(record.value, self.encoding, record.timestamp_ms * NANOSECONDS)
        except Unreadable as unreadable:
            return unreadable

    async def _tell(self, store: Traces, assembly: Assembly, touched: set[str], at_ms: int) -> None:
        home = assembly.home
        assembly.tell_due(list(assembly.traces.values()), at_ms)
        due = await store.due(home, at_ms, touched, DUE_MAX)
        assembly.tell_due(due, at_ms)
        waiting = [trace for trace in (*assembly.traces.values(), *due) if trace.awaits is not None]
        await self._look(store, assembly, [one for one in waiting if one.is_due(at_ms, self.limits)], at_ms)
        await store.save(assembly.traces.values(), assembly.gone - assembly.traces.keys(), self.limits)
        too_many = await store.end(home, assembly.counts, at_ms) - self.waiting_max
        if too_many > 0:
            await self._tell_early(store, assembly, too_many, at_ms)

    async def _look(self, store: Traces, assembly: Assembly, waiting: Sequence[Trace], at_ms: int) -> None:
        """Look whether the traces have come that evaluations wait for. One that somebody else holds has to wait."""
        if not waiting:
            return
        found = await store.with_answers({trace.awaits for trace in waiting if trace.awaits is not None})
        held = await store.free(set(found.values()) - assembly.traces.keys())
        assembly.traces.update(held)
        for trace in waiting:
            trace_id = found.get(trace.awaits or 0)
            if trace_id is None:
                assembly.look_again(trace, at_ms)
            elif trace_id in assembly.traces:
                assembly.bind(trace, trace_id, at_ms)

    async def _tell_early(self, store: Traces, assembly: Assembly, too_many: int, at_ms: int) -> None:
        early = Assembly(assembly.home, self.limits, {})
        for trace in await store.soonest(assembly.home, (), too_many):
            early.tell(trace, at_ms)
        await store.save(early.traces.values(), early.gone, self.limits)
        await store.end(assembly.home, early.counts, at_ms)
        assembly.events += early.events
        assembly.counts += early.counts
        self.metrics.traces_told_early.inc(too_many)


def subscriptions(otlp: OtlpIngest[Tx], records_max: int) -> Sequence[Subscription[Tx]]:
    """What is read of OpenTelemetry. Its interactions are priced by what their systems have agreed on."""
    return tuple(
        Subscription(topic, one_by_one(take), hot=True, records_max=records_max, after=(REGISTRY_SYSTEMS,))
        for topic, take in ((OTLP_SPANS, otlp.on_spans), (OTLP_LOGS, otlp.on_logs))
    )


SAYS: Final = (AGENT_EVENTS, OTLP_SPANS, OTLP_LOGS)
"""Native events; and on the other two what came over HTTP, and ticks."""


def _published(event: NativeEvent) -> Outgoing:
    headers = headers_of(event.id, SOURCE, event.type, event.time, event.system)
    body = event.data.model_dump_json(exclude_none=True).encode()
    tenant = () if event.tenant == DEFAULT_TENANT else (("ce_tenant", event.tenant.encode()),)
    return Outgoing(AGENT_EVENTS.name, event.system.encode(), (*headers, *tenant), body)


def _rejections(record: Record, said: OtlpRead | Unreadable, found: list[Found]) -> Iterator[Outgoing]:
    """What cannot be used, whole; the personal data that was masked in it is added to ``found``."""
    if isinstance(said, OtlpRead) and not said.rejected:
        return
    reject, place = partial(_rejection, record, found), id_of_position(record.topic, record.partition, record.offset)
    if isinstance(said, Unreadable):
        yield reject(place, said.reason, said.field, said.detail, UNKNOWN_SYSTEM, record.value)
        return
    parts = said.rejected
    if sum(len(part.body) for part in parts) > PARTS_BYTES_FACTOR * len(record.value or b"") + PARTS_BYTES_MORE:
        first = parts[0]
        detail = f"{len(parts)} parts of this message, the first of them: {first.detail}"
        yield reject(place, first.reason, first.field, detail, _system_of(parts), record.value)
        return
    for part in parts:
        identity = uuid5(place, str(part.position))
        yield reject(identity, part.reason, part.field, part.detail, _system_of([part]), part.body)


def _system_of(parts: Sequence[RejectedPart]) -> str:
    name = next((part.service_name for part in parts if part.service_name), None)
    return (name and as_name(name)) or UNKNOWN_SYSTEM


def _rejection(
    record: Record,
    found: list[Found],
    identity: UUID,
    reason: str,
    field: str | None,
    detail: str,
    system: str,
    body: bytes | None,
) -> Outgoing:
    kinds: set[str] = set()
    event = TelemetryRejected.model_construct(
        tenant=DEFAULT_TENANT,
        system=system,
        reason=reason[:64],
        field=field and masked(field).text[:256],
        detail=masked(detail).text[:1024],
        position=Position(topic=record.topic, partition=record.partition, offset=record.offset),
        recorded_at=record.recorded_at,
        key=record.key and masked_body(record.key, kinds),
        headers=masked_headers(tuple(record.headers), kinds),
        body=body and masked_body(body, kinds),
    )
    if kinds:
        masked_here = tuple((RECORD, kind) for kind in sorted(kinds))
        found.append(Found((DEFAULT_TENANT, system), masked_here, record.timestamp_ms))
    return fact(TELEMETRY_REJECTED, event, source=NAME, identity=identity, system=system, time=record.recorded_at)
