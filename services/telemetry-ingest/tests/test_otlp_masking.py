"""Personal data in spans and log events: gone before a trace is stored or told, and told of once."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from opentelemetry.proto.logs.v1.logs_pb2 import LogsData

from flyball.bus.records import Batch, Record
from flyball.schemas.telemetry import ModelPrice, TelemetryPolicy
from otlp_messages import NOW, TRACE, message, put, read, read_json
from telemetry_ingest.adapters.otlp import OtlpReader
from telemetry_ingest.adapters.trace_bytes import from_bytes, to_bytes
from telemetry_ingest.domain.feeds.feed import Feed
from telemetry_ingest.domain.feeds.rules import Declaration, Revision
from telemetry_ingest.domain.otlp.assembly import LOGS, SPANS, Assembly
from telemetry_ingest.domain.otlp.dialects import ATTRIBUTES
from telemetry_ingest.domain.otlp.facts import OtlpRead, SpanFacts
from telemetry_ingest.domain.otlp.reading import TEXTS
from telemetry_ingest.domain.otlp.telling import NativeEvent
from telemetry_ingest.domain.otlp.traces import Home, Trace, TraceLimits
from telemetry_ingest.otlp import _published
from telemetry_ingest.ports import Place, SystemKey
from telemetry_ingest.settling import Found, Settled, settled

MAIL = "bob@example.com"
CARD = "4111111111111111"
HOME = Home("otlp_spans", 0)
LONG = 2**40


def test_every_text_that_any_dialect_keeps_is_masked_and_told() -> None:
    texts = {name: MAIL for name, attribute in ATTRIBUTES.items() if attribute.read in TEXTS}
    texts |= {"flyball.segment.user": MAIL, f"flyball.segment.{MAIL}": "x"}
    assert len(texts) > 20
    for name, text in texts.items():
        for resource, told in (({}, {name: text}), ({name: text}, {})):
            (span,) = read(message(told, resource=resource)).spans
            assert "bob" not in repr(span), name
            assert span.masked == ((name.replace(MAIL, "masked-email"), "email"),)
    assert read(message({"flyball.segment.user": "bob"})).spans[0].masked == ()


def test_json_is_masked_as_protobuf_is_and_ids_are_not_looked_at() -> None:
    told = {"error.type": f"no {CARD}", "gen_ai.response.id": MAIL, "session.id": MAIL}
    pairs = [{"key": name, "value": {"stringValue": text}} for name, text in told.items()]
    span = read_json(attributes=pairs).spans[0]
    assert span._asdict() == read(message(told)).spans[0]._asdict() | {"name": span.name, "service_name": None}
    assert (span.error, span.masked) == ("no masked-card", (("error.type", "card"),))
    assert (span.response_id, span.session_id) == (MAIL, MAIL)


def test_personal_data_is_masked_before_it_is_cut() -> None:
    """Half of an address has no form, so whoever cuts first stores it."""
    told = "x" * 52 + f" {MAIL}"
    assert read(message({"error.type": told})).spans[0].error == "x" * 52 + " masked-emai"


def test_exceptions_and_evaluations_are_masked() -> None:
    request = message({})
    span = request.resource_spans[0].scope_spans[0].spans[0]
    put(span.events.add(name="exception").attributes, {"exception.type": f"no {CARD}"})
    judgement = {"gen_ai.evaluation.name": MAIL, "gen_ai.evaluation.score.label": f"{MAIL} passed"}
    put(span.events.add(name="gen_ai.evaluation.result", time_unix_nano=NOW).attributes, judgement | SCORE)
    found = read(request).spans[0]
    assert (found.error, found.masked) == ("no masked-card", (("exception.type", "card"),))
    (judged,) = found.evaluations
    assert (judged.metric, judged.label) == ("masked-email", "masked-email passed")
    assert judged.masked == (*found.masked, *((name, "email") for name in judgement))


SCORE = {"gen_ai.evaluation.score.value": 0.5}


def a_judgement(**told: str) -> OtlpRead:
    logs = LogsData()
    scope = logs.resource_logs.add().scope_logs.add()
    scope.scope.name = f"judge of {MAIL}"
    event = scope.log_records.add(time_unix_nano=NOW, event_name="gen_ai.evaluation.result", trace_id=TRACE)
    put(event.attributes, {"gen_ai.evaluation.name": "relevance", "flyball.segment.user": MAIL, **SCORE, **told})
    return OtlpReader().logs(logs.SerializeToString(), "protobuf", NOW)


def test_nothing_of_it_is_in_the_state_of_a_trace_nor_in_what_is_told() -> None:
    told = {"gen_ai.agent.name": f"Agent of {MAIL}", "flyball.segment.user": MAIL, "gen_ai.operation.name": "chat"}
    spans, judged = read(message(told, told)), a_judgement()
    whole = Assembly(HOME, TraceLimits(), {})
    whole.take(spans, SPANS, 1)
    whole.take(judged, LOGS, 1)
    (trace,) = whole.traces.values()
    assert b"bob" not in to_bytes(trace)
    assert from_bytes(trace.trace_id, HOME, to_bytes(trace), ()).spans == stored(trace)
    whole.tell_due([trace], LONG)
    assert not any(b"bob" in (_published(event).key or b"") + _published(event).body for event in whole.events)
    assert {event.system for event in whole.events} == {"agent-of-masked-email"}
    assert [event.masked for event in whole.events] == [
        (("flyball.segment.user", "email"), ("gen_ai.agent.name", "email")),
        (("flyball.segment.user", "email"), ("scope", "email")),
    ]


def stored(trace: Trace) -> Mapping[str, SpanFacts]:
    return {key: span._replace(name="", operation=None) for key, span in trace.spans.items()}


class FeedsOfOneProcess:
    """Feeds without a database."""

    def __init__(self, policy: TelemetryPolicy) -> None:
        revision = Revision(1, datetime.fromtimestamp(0, UTC), "team:ops", policy)
        self.known: dict[SystemKey, Feed] = {}
        self._declaration = Declaration([revision])

    async def declare(self, registered: Any) -> None:
        raise AssertionError(registered)

    async def open(self, place: Place, systems: Collection[SystemKey]) -> Mapping[SystemKey, Feed]:
        assert place.offset == 7
        for key in systems:
            self.known.setdefault(key, Feed(lambda *_: None, declaration=self._declaration))
        return {key: self.known[key] for key in systems}

    async def save(self, feeds: Mapping[SystemKey, Feed], place: Place) -> None:
        assert place.offset == 8
        for feed in feeds.values():
            feed.kept()


async def settle(feeds: FeedsOfOneProcess, events: list[NativeEvent], found: list[Found]) -> Settled:
    record = Record("otlp_spans", 0, 7, 1, None, b"", ())
    return await settled(feeds, Batch("otlp_spans", 0, 7, (record,)), events, found)


async def test_it_is_told_once_and_requests_cost_what_their_system_agreed_on() -> None:
    requests = [
        {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "acme", "gen_ai.request.model": model}
        | {"gen_ai.usage.input_tokens": 3, "gen_ai.usage.output_tokens": 0, "flyball.segment.user": MAIL}
        for model in ("small", "large")
    ]
    spans = [read(message(told, span_id=bytes([number] * 8))).spans[0] for number, told in enumerate(requests, 1)]
    whole = Assembly(HOME, TraceLimits(), {})
    whole.take(OtlpRead(tuple(spans)), SPANS, 1)
    whole.tell_due(list(whole.traces.values()), LONG)
    half = ModelPrice(input_micro_usd=500_000, output_micro_usd=0)
    feeds = FeedsOfOneProcess(TelemetryPolicy(prices={"acme/small": half, "acme/large": half}))
    done = await settle(feeds, whole.events, [Found(("default", "claims"), (("record", "card"),), 1)])
    data: Any = done.events[0].data
    assert data.cost_micro_usd == 3, "rounded by itself each would be 2"
    assert list(done.kinds) == ["pii.detected", "pii.detected"]
    again = await settle(feeds, whole.events, [])
    assert (again.kinds, again.messages) == ([], [])
    assert (await settle(feeds, [], [])).events == []
