"""Traces in Postgres: held while a batch works on them, found when they are due, and counted to the last span."""

from collections.abc import AsyncIterator
from importlib.resources import files
from uuid import uuid4

import pytest

from flyball.store.errors import Transient
from flyball.store.postgres import PostgresDatabase, open_postgres
from flyball.store.settings import StoreSettings
from telemetry_ingest.adapters.trace_bytes import from_bytes, to_bytes
from telemetry_ingest.adapters.traces import PostgresTraces, overdue_homes, read_otlp_totals
from telemetry_ingest.domain.otlp.assembly import Assembly, Count
from telemetry_ingest.domain.otlp.facts import EvaluationFacts, OtlpRead, OutcomeFacts, SpanFacts
from telemetry_ingest.domain.otlp.responses import code_of
from telemetry_ingest.domain.otlp.traces import Home, Told, Trace, TraceLimits

LIMITS = TraceLimits()
HOME = Home("otlp_spans", 3)
IDS = [f"{number:032x}" for number in range(1, 5)]


@pytest.fixture
async def database(postgres_dsn: str) -> AsyncIterator[PostgresDatabase]:
    migrations = [files("telemetry_ingest").joinpath("migrations")]
    settings = StoreSettings.from_environment({"FLYBALL_POSTGRES": postgres_dsn})
    async with open_postgres(settings, f"ingest_{uuid4().hex[:8]}", migrations) as opened:
        yield opened


def trace(trace_id: str, at_ms: int, told: Told | None = None) -> Trace:
    made = Trace(trace_id, HOME, at_ms, at_ms, told=told)
    if told is None:
        made.take_span(SpanFacts(trace_id, f"{7:016x}", "", 1, 2), at_ms, LIMITS)
    return made


def test_everything_that_is_told_survives_as_bytes_and_contents_do_not() -> None:
    judgement = EvaluationFacts("m", "e", "1", 5, 0.5, True, trace_id=IDS[0], segment={"a": "\0 ü"})
    span = SpanFacts(
        IDS[0],
        f"{7:016x}",
        "",
        1,
        2,
        parent_span_id=f"{8:016x}",
        role="inference",
        input_tokens=0,
        confidence=0.1,
        escalated=False,
        segment={"plan": "pro"},
        outcome=OutcomeFacts(success=False),
        evaluations=(judgement,),
        parent_is_remote=False,
    )
    made = Trace(IDS[0], HOME, 1, 2, {span.span_id: span}, [judgement], {f"{9:016x}"}, Told("t", "s", "r", 9), 300)
    assert from_bytes(IDS[0], HOME, to_bytes(made), made.responses) == made
    made.spans = {span.span_id: span._replace(contents={"gen_ai.prompt": "secret"}, name="secret")}
    assert b"secret" not in to_bytes(made)


@pytest.mark.stack
async def test_traces_are_kept_found_and_forgotten(database: PostgresDatabase) -> None:
    forgotten, kept = Told("t", "s", "r", -LIMITS.remember_ms), Told("t", "s", "r", 0)
    made = [trace(IDS[0], 1_000), trace(IDS[1], 500), trace(IDS[2], 0, forgotten), trace(IDS[3], 0, kept)]
    async with database.transaction() as transaction:
        await PostgresTraces(transaction).save(made, (), LIMITS)
    async with database.transaction() as transaction:
        traces = PostgresTraces(transaction)
        assert await traces.end(HOME, {}, -1) == 2
        assert await traces.due(HOME, 5_499, (), 10) == []
        assert await traces.due(HOME, 5_500, (), 10) == [made[1]]
        assert await traces.due(HOME, 9_999, (IDS[1],), 10) == [made[0]]
        assert await traces.due(Home("otlp_spans", 4), 9_999, (), 10) == []
        assert await traces.soonest(HOME, (), 1) == [made[1]]
        assert await traces.end(HOME, {}, 0) == 2
        assert await traces.load(IDS) == {IDS[0]: made[0], IDS[1]: made[1], IDS[3]: made[3]}
        await traces.save([trace(IDS[0], 7)], (IDS[1],), LIMITS)
        assert await traces.load(IDS) == {IDS[0]: trace(IDS[0], 7), IDS[3]: made[3]}


@pytest.mark.stack
async def test_a_trace_that_two_partitions_begin_at_once_is_tried_again(database: PostgresDatabase) -> None:
    async with database.transaction() as transaction:
        await PostgresTraces(transaction).save([trace(IDS[0], 1)], (), LIMITS)
    with pytest.raises(Transient, match="another partition"):
        async with database.transaction() as transaction:
            await PostgresTraces(transaction).save([trace(IDS[0], 2), trace(IDS[1], 2)], (), LIMITS)


@pytest.mark.stack
async def test_what_a_batch_holds_is_left_alone_by_whoever_looks_for_what_is_due(database: PostgresDatabase) -> None:
    async with database.transaction() as transaction:
        await PostgresTraces(transaction).save([trace(IDS[0], 1), trace(IDS[1], 1)], (), LIMITS)
    async with database.transaction() as batch, database.transaction() as other:
        await PostgresTraces(batch).load(IDS[:1])
        assert [one.trace_id for one in await PostgresTraces(other).due(HOME, 10**9, (), 10)] == [IDS[1]]


@pytest.mark.stack
async def test_totals_and_what_waits_add_up_to_what_was_received(database: PostgresDatabase) -> None:
    assembly = Assembly(HOME, LIMITS, {})
    span = SpanFacts(IDS[0], f"{7:016x}", "", 1, 2)
    assembly.take(OtlpRead((span, span)), "spans", 1)
    async with database.transaction() as transaction:
        traces = PostgresTraces(transaction)
        await traces.save(assembly.traces.values(), (), LIMITS)
        await traces.end(HOME, assembly.counts, 1)
        await traces.end(HOME, {Count("logs", "received"): 2, Count("logs", "rejected"): 2}, 5)
    spans, logs = await read_otlp_totals(database)
    assert (spans["signal"], spans["received"], spans["duplicate"], spans["waiting"]) == ("spans", 2, 1, 1)
    assert (logs["received"], logs["rejected"], logs["waiting"], logs["last_seen_ms"]) == (2, 2, 0, 5)
    assert await overdue_homes(database, 5_000) == []
    assert await overdue_homes(database, 5_001) == [HOME]


@pytest.mark.stack
async def test_a_trace_is_found_by_its_answers_and_taken_only_if_nobody_holds_it(database: PostgresDatabase) -> None:
    made = [trace(identity, 1) for identity in IDS[:3]]
    made[0].responses, made[1].responses = {code_of("a"), code_of("b")}, {code_of("b")}
    waiting = Trace(IDS[3], HOME, 1, 1, awaits=code_of("c"))
    waiting.take_evaluation(EvaluationFacts("m", "e", "1", 5, 0.5, response_id="c"), 1, LIMITS)
    async with database.transaction() as transaction:
        await PostgresTraces(transaction).save([*made, waiting], (), LIMITS)
    async with database.transaction() as batch, database.transaction() as other:
        await PostgresTraces(batch).load(IDS[:1])
        traces = PostgresTraces(other)
        asked = {code_of(answer) for answer in "abc"}
        assert await traces.with_answers(asked) == {code_of("a"): IDS[0], code_of("b"): IDS[0]}
        assert await traces.free(IDS[:2]) == {IDS[1]: made[1]}
        assert await traces.free(IDS[1:2]) == {}, "it is held already"
        assert await traces.due(HOME, 10**9, IDS[:3], 10) == [waiting]
        made[1].responses.add(code_of("c"))
        await traces.save([made[1]], (), LIMITS)
        assert await traces.with_answers({code_of("c")}) == {code_of("c"): IDS[1]}
