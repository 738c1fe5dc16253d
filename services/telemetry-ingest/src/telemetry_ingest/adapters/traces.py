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
WHERE topic = $1 AND partition = $2 AND NOT told AND due_ms <= $3 ORDER BY due_ms LIMIT $4 FOR UPDATE SKIP LOCKED
"""
# One statement each for all that a batch saves and for all that ends it: small batches are mostly round trips.
FIELDS = "trace_id, topic, partition, told, due_ms, spans, logs, body, responses"
SAVE = f"""
WITH n AS MATERIALIZED (
    SELECT *, ARRAY(SELECT json_array_elements_text(answers::json)::bigint) AS responses
    FROM unnest($1::bool[], $2::bytea[], $3::text[], $4::int[], $5::bool[], $6::bigint[], $7::int[], $8::int[],
                $9::bytea[], $10::text[])
    AS n (known, trace_id, topic, partition, told, due_ms, spans, logs, body, answers)
), known AS (
    UPDATE traces AS t SET topic = n.topic, partition = n.partition, told = n.told, due_ms = n.due_ms,
        spans = n.spans, logs = n.logs, body = n.body, responses = n.responses
    FROM n WHERE n.known AND t.trace_id = n.trace_id
), gone AS (DELETE FROM traces WHERE trace_id = ANY($11::bytea[]))
INSERT INTO traces ({FIELDS}) SELECT {FIELDS} FROM n WHERE NOT n.known ORDER BY trace_id ON CONFLICT DO NOTHING
"""
FATES_AS_COLUMNS = ", ".join(FATES)
END = f"""
WITH forgotten AS (DELETE FROM traces WHERE topic = $1 AND partition = $2 AND told AND due_ms <= $3), counted AS (
    INSERT INTO otlp_totals AS t (signal, topic, partition, last_seen_ms, {FATES_AS_COLUMNS})
    SELECT signal, $1, $2, $3, {FATES_AS_COLUMNS}
    FROM unnest($4::text[], {", ".join(f"${number}::bigint[]" for number in range(5, 5 + len(FATES)))})
    AS n (signal, {FATES_AS_COLUMNS}) ORDER BY signal
    ON CONFLICT (signal, topic, partition) DO UPDATE SET
        last_seen_ms = greatest(t.last_seen_ms, excluded.last_seen_ms),
        {", ".join(f"{fate} = t.{fate} + excluded.{fate}" for fate in FATES)}
)
SELECT count(*) FROM traces WHERE topic = $1 AND partition = $2 AND NOT told
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
        rows = await self._connection.fetch(SOONEST, *home, at_ms, traces_max)
        return self._read([row for row in rows if row["trace_id"].hex() not in but])

    async def soonest(self, home: Home, but: Collection[str], traces_max: int) -> Sequence[Trace]:
        return await self.due(home, FAR_AWAY_MS, but, traces_max)

    async def save(self, traces: Collection[Trace], gone: Collection[str], limits: TraceLimits) -> None:
        over = self._known.intersection(gone)
        if not traces and not over:
            return
        ordered = sorted(traces, key=lambda trace: trace.trace_id)
        known = [trace.trace_id in self._known for trace in ordered]
        status = await self._connection.execute(SAVE, known, *_columns(ordered, limits), _as_bytes(over))
        if status != f"INSERT 0 {known.count(False)}":
            raise Transient("another partition began one of these traces at the same moment")

    async def end(self, home: Home, counts: Mapping[Count, int], at_ms: int) -> int:
        signals = sorted({count.signal for count in counts})
        sums = ([counts.get(Count(signal, fate), 0) for signal in signals] for fate in FATES)
        waiting: int = await self._connection.fetchval(END, *home, at_ms, signals, *sums)
        return waiting

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
