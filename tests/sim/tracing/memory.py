"""Traces on the simulated Postgres; the counterpart of ``PostgresTraces``."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from flyball.sim.session import DELETED, Session
from flyball.sim.transaction import MemoryTransaction
from flyball.store.errors import Transient
from telemetry_ingest.adapters.trace_bytes import from_bytes, to_bytes
from telemetry_ingest.domain.otlp.assembly import Count
from telemetry_ingest.domain.otlp.traces import Home, Trace, TraceLimits

TRACES, TOTALS = "traces", "otlp_totals"


class Row(NamedTuple):
    home: Home
    told: bool
    due_ms: int
    waiting: int
    body: bytes
    responses: frozenset[int]


@dataclass(frozen=True, slots=True)
class MemoryTraces:
    transaction: MemoryTransaction
    _known: set[str] = field(default_factory=set)

    async def load(self, trace_ids: Collection[str]) -> dict[str, Trace]:
        found = {one: await self.transaction.get(TRACES, one, lock=True) for one in sorted(trace_ids)}
        return {one: self._read(one, row) for one, row in found.items() if row is not None}

    async def with_answers(self, answers: Collection[int]) -> Mapping[int, str]:
        rows = await self.transaction.scan(TRACES)
        return {code: min(has) for code in answers if (has := [one for one, row in rows if code in row.responses])}

    async def free(self, trace_ids: Collection[str]) -> Mapping[str, Trace]:
        async def effect(session: Session) -> Sequence[tuple[str, Row]]:
            wanted = sorted(set(trace_ids) - self._known)
            held = [one for one in wanted if session.database.locks.try_acquire(session, (TRACES, one))]
            return [(one, row) for one in held if (row := session.read(TRACES, one)) is not None]

        return {one: self._read(one, row) for one, row in await self.transaction.statement("free traces", effect)}

    async def due(self, home: Home, at_ms: int, but: Collection[str], traces_max: int) -> Sequence[Trace]:
        async def effect(session: Session) -> Sequence[tuple[str, Row]]:
            rows = sorted((row.due_ms, one) for one, row in session.table(TRACES).items() if row.home == home)
            found = [one for due_ms, one in rows if due_ms <= at_ms and one not in but]
            held = [one for one in found if session.database.locks.try_acquire(session, (TRACES, one))]
            return [(one, row) for one in held if not (row := session.read(TRACES, one)).told][:traces_max]

        return [self._read(*each) for each in await self.transaction.statement("due traces", effect)]

    async def soonest(self, home: Home, but: Collection[str], traces_max: int) -> Sequence[Trace]:
        return await self.due(home, 2**62, but, traces_max)

    async def save(self, traces: Collection[Trace], gone: Collection[str], limits: TraceLimits) -> None:
        for trace in sorted(traces, key=lambda trace: trace.trace_id):
            times = trace.home, trace.rests, trace.due_ms(limits)
            row = Row(*times, trace.waiting, to_bytes(trace), frozenset(trace.responses))
            if trace.trace_id in self._known:
                await self.transaction.put(TRACES, trace.trace_id, row)
            else:
                await self._begin(trace.trace_id, row)
        await self._delete(self._known.intersection(gone))

    async def end(self, home: Home, counts: Mapping[Count, int], at_ms: int) -> int:
        rows = [(one, row) for one, row in await self.transaction.scan(TRACES) if row.home == home]
        await self._delete([one for one, row in rows if row.told and row.due_ms <= at_ms])
        for signal in sorted({count.signal for count in counts}):
            mine = Counter({count.fate: number for count, number in counts.items() if count.signal == signal})
            await self.transaction.change(TOTALS, (signal, home), lambda known, mine=mine: (known or Counter()) + mine)
        return sum(not row.told for _, row in rows)

    async def _begin(self, trace_id: str, row: Row) -> None:
        async def effect(session: Session) -> None:
            await session.lock(TRACES, trace_id)
            if session.read(TRACES, trace_id) is not None:
                raise Transient("another partition began this trace")
            session.write(TRACES, trace_id, row)

        await self.transaction.statement(f"begin trace {trace_id[-4:]}", effect)

    async def _delete(self, trace_ids: Collection[str]) -> None:
        async def effect(session: Session) -> None:
            for one in sorted(trace_ids):
                await session.lock(TRACES, one)
                session.write(TRACES, one, DELETED)

        if trace_ids:
            await self.transaction.statement(f"delete {len(trace_ids)} traces", effect)

    def _read(self, trace_id: str, row: Any) -> Trace:
        self._known.add(trace_id)
        return from_bytes(trace_id, row.home, row.body, row.responses)
