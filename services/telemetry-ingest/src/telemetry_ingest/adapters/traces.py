"""Traces in Postgres: one row each, locked in the order of their ids."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import to_json

from flyball.store.errors import Transient
from flyball.store.postgres import PostgresDatabase, PostgresTransaction
from telemetry_ingest.adapters.trace_bytes import from_bytes, to_bytes
from telemetry_ingest.domain.otlp.assembly import FATES, Count
from telemetry_ingest.domain.otlp.traces import Home, Trace, TraceLimits

COLUMNS = "trace_id, topic, partition, body, responses"
LOAD = f"SELECT {COLUMNS} FROM traces WHERE trace_id = ANY($1::bytea[]) ORDER BY trace_id FOR UPDATE"
FREE = f"{LOAD} SKIP LOCKED"
WITH_ANSWERS = """
SELECT DISTINCT ON (n.response) n.response, t.trace_id
FROM unnest($1::bigint[]) AS n (response) JOIN traces AS t ON t.responses @> ARRAY[n.response]
ORDER BY n.response, t.trace_id
"""
# What another partition's batch holds gets news right now: whoever comes next tells it by the same deadline.
SOONEST = f"""
SELECT {COLUMNS} FROM traces
WHERE topic = $1 AND partition = $2 AND NOT told AND due_ms <= $3 AND trace_id <> ALL($4::bytea[])
ORDER BY due_ms LIMIT $5 FOR UPDATE SKIP LOCKED
"""
ROWS = """
(SELECT *, ARRAY(SELECT json_array_elements_text(n.answers::json)::bigint) AS responses
 FROM unnest($1::bytea[], $2::text[], $3::int[], $4::bool[], $5::bigint[], $6::int[], $7::int[], $8::bytea[],
             $9::text[])
 AS n (trace_id, topic, partition, told, due_ms, spans, logs, body, answers) ORDER BY trace_id) AS n
"""
FIELDS = "trace_id, topic, partition, told, due_ms, spans, logs, body, responses"
INSERT = f"INSERT INTO traces ({FIELDS}) SELECT {FIELDS} FROM {ROWS} ON CONFLICT DO NOTHING"
UPDATE = f"""
UPDATE traces AS t SET topic = n.topic, partition = n.partition, told = n.told, due_ms = n.due_ms, spans = n.spans,
    logs = n.logs, body = n.body, responses = n.responses
FROM {ROWS} WHERE t.trace_id = n.trace_id
"""
FORGET = "DELETE FROM traces WHERE topic = $1 AND partition = $2 AND told AND due_ms <= $3"
FATES_AS_COLUMNS = ", ".join(FATES)
COUNT = f"""
INSERT INTO otlp_totals AS t (signal, topic, partition, last_seen_ms, {FATES_AS_COLUMNS})
VALUES ($1, $2, $3, $4, {", ".join(f"${number}" for number in range(5, 5 + len(FATES)))})
ON CONFLICT (signal, topic, partition) DO UPDATE SET
    last_seen_ms = greatest(t.last_seen_ms, excluded.last_seen_ms),
    {", ".join(f"{fate} = t.{fate} + excluded.{fate}" for fate in FATES)}
"""
READ_TOTALS = f"""
SELECT t.*, CASE t.signal WHEN 'spans' THEN w.spans ELSE w.logs END AS waiting
FROM (
    SELECT signal, {", ".join(f"sum({fate})::bigint AS {fate}" for fate in FATES)}, max(last_seen_ms) AS last_seen_ms
    FROM otlp_totals GROUP BY signal
) AS t, (
    SELECT coalesce(sum(spans), 0)::bigint AS spans, coalesce(sum(logs), 0)::bigint AS logs FROM traces WHERE NOT told
) AS w ORDER BY t.signal DESC
"""
OVERDUE = """
SELECT topic, partition FROM (SELECT DISTINCT topic, partition FROM otlp_totals) AS h
WHERE (SELECT min(due_ms) FROM traces AS t WHERE t.topic = h.topic AND t.partition = h.partition AND NOT told) <= $1
"""
FAR_AWAY_MS = 2**62


@dataclass(frozen=True, slots=True)
class PostgresTraces:
    transaction: PostgresTransaction
    _known: set[str] = field(default_factory=set)

    async def load(self, trace_ids: Collection[str]) -> dict[str, Trace]:
        rows = await self._connection.fetch(LOAD, _as_bytes(trace_ids)) if trace_ids else ()
        return {trace.trace_id: trace for trace in self._read(rows)}

    async def with_answers(self, answers: Collection[int]) -> Mapping[int, str]:
        rows = await self._connection.fetch(WITH_ANSWERS, list(answers))
        return {row["response"]: row["trace_id"].hex() for row in rows}

    async def free(self, trace_ids: Collection[str]) -> Mapping[str, Trace]:
        wanted = set(trace_ids) - self._known
        rows = await self._connection.fetch(FREE, _as_bytes(wanted)) if wanted else ()
        return {trace.trace_id: trace for trace in self._read(rows)}

    async def due(self, home: Home, at_ms: int, but: Collection[str], traces_max: int) -> Sequence[Trace]:
        return self._read(await self._connection.fetch(SOONEST, *home, at_ms, _as_bytes(but), traces_max))

    async def soonest(self, home: Home, but: Collection[str], traces_max: int) -> Sequence[Trace]:
        return await self.due(home, FAR_AWAY_MS, but, traces_max)

    async def waiting(self, home: Home) -> int:
        count: int = await self._connection.fetchval(
            "SELECT count(*) FROM traces WHERE topic = $1 AND partition = $2 AND NOT told", *home
        )
        return count

    async def save(self, traces: Collection[Trace], gone: Collection[str], limits: TraceLimits) -> None:
        ordered = sorted(traces, key=lambda trace: trace.trace_id)
        fresh = [trace for trace in ordered if trace.trace_id not in self._known]
        if fresh:
            status = await self._connection.execute(INSERT, *_columns(fresh, limits))
            if status != f"INSERT 0 {len(fresh)}":
                raise Transient("another partition began one of these traces at the same moment")
        known = [trace for trace in ordered if trace.trace_id in self._known]
        if known:
            await self._connection.execute(UPDATE, *_columns(known, limits))
        if over := self._known.intersection(gone):
            await self._connection.execute("DELETE FROM traces WHERE trace_id = ANY($1::bytea[])", _as_bytes(over))

    async def forget(self, home: Home, at_ms: int) -> None:
        await self._connection.execute(FORGET, *home, at_ms)

    async def count(self, home: Home, counts: Mapping[Count, int], at_ms: int) -> None:
        for signal in sorted({count.signal for count in counts}):
            sums = [counts.get(Count(signal, fate), 0) for fate in FATES]
            await self._connection.execute(COUNT, signal, *home, at_ms, *sums)

    def _read(self, rows: Sequence[Mapping[str, Any]]) -> list[Trace]:
        read = [
            from_bytes(row["trace_id"].hex(), Home(row["topic"], row["partition"]), row["body"], row["responses"])
            for row in rows
        ]
        self._known.update(trace.trace_id for trace in read)
        return read

    @property
    def _connection(self) -> Any:
        return self.transaction.connection


def _as_bytes(trace_ids: Collection[str]) -> list[bytes]:
    return [bytes.fromhex(trace_id) for trace_id in trace_ids]


def _columns(traces: Sequence[Trace], limits: TraceLimits) -> Sequence[Sequence[Any]]:
    return (
        _as_bytes([trace.trace_id for trace in traces]),
        [trace.home.topic for trace in traces],
        [trace.home.partition for trace in traces],
        [trace.rests for trace in traces],
        [trace.due_ms(limits) for trace in traces],
        [len(trace.spans) for trace in traces],
        [len(trace.evaluations) for trace in traces],
        [to_bytes(trace) for trace in traces],
        # Arrays of arrays have one length in Postgres.
        [to_json(sorted(trace.responses)).decode() for trace in traces],
    )


async def read_otlp_totals(database: PostgresDatabase) -> Sequence[Mapping[str, Any]]:
    """What became of spans and of log events, with what waits."""
    return [dict(row) for row in await database.fetch(READ_TOTALS)]


async def overdue_homes(database: PostgresDatabase, at_ms: int) -> Sequence[Home]:
    """Partitions in which a trace was due before ``at_ms`` and nothing was appended since that would tell it."""
    return [Home(row["topic"], row["partition"]) for row in await database.fetch(OVERDUE, at_ms)]
