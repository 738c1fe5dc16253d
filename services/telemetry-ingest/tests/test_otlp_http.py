"""OTLP over HTTP: taken when the broker has it, refused in words and codes that exporters understand."""

import asyncio
import gzip
import json
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx
import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from starlette.applications import Starlette

from flyball.store.errors import Transient
from flyball.store.ports import Outgoing
from telemetry_ingest.adapters.otlp import OtlpReader
from telemetry_ingest.otlp_http import Gateway, GatewayLimits, for_agents

SERVICE, AGENT = "token-of-the-service", "token-of-the-agents"
PROTOBUF, JSON = {"content-type": "application/x-protobuf"}, {"content-type": "application/json"}
BYTES_MAX = 100_000


class Broker:
    """Keeps what it acknowledges; ``trouble`` is raised instead, ``hold`` keeps senders waiting."""

    def __init__(self) -> None:
        self.messages: list[Outgoing] = []
        self.trouble: Exception | None = None
        self.reached, self.hold = asyncio.Event(), asyncio.Event()
        self.hold.set()

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        self.reached.set()
        await self.hold.wait()
        if self.trouble is not None:
            raise self.trouble
        self.messages += messages


@pytest.fixture
def broker() -> Broker:
    return Broker()


@pytest.fixture
async def client(broker: Broker) -> AsyncIterator[httpx.AsyncClient]:
    async with connected(broker, AGENT) as made:
        yield made


def connected(broker: Broker, token: str | None, *, is_open: bool = False) -> httpx.AsyncClient:
    gateway = Gateway(broker, GatewayLimits(1, BYTES_MAX, 0.2), OtlpReader())
    app = Starlette(routes=gateway.routes(for_agents(SERVICE, AGENT, is_open=is_open)))
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://ingest", headers=headers)


def request(*trace_ids: int) -> ExportTraceServiceRequest:
    """One span of each trace, in one message."""
    now = time.time_ns()
    made = ExportTraceServiceRequest()
    scope = made.resource_spans.add().scope_spans.add()
    scope.scope.name = "tests"
    for number, trace_id in enumerate(trace_ids, 1):
        scope.spans.add(
            trace_id=trace_id.to_bytes(16, "big"),
            span_id=number.to_bytes(8, "big"),
            name="chat",
            start_time_unix_nano=now - 1_000,
            end_time_unix_nano=now,
        )
    return made


def as_json(made: ExportTraceServiceRequest) -> bytes:
    scope = made.resource_spans[0].scope_spans[0]
    spans = [
        {
            "traceId": span.trace_id.hex(),
            "spanId": span.span_id.hex(),
            "name": span.name,
            "startTimeUnixNano": str(span.start_time_unix_nano),
            "endTimeUnixNano": str(span.end_time_unix_nano),
        }
        for span in scope.spans
    ]
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"scope": {"name": "tests"}, "spans": spans}]}]}).encode()


async def test_each_trace_is_a_message_of_its_own_keyed_as_the_collector_keys_it(
    client: httpx.AsyncClient, broker: Broker
) -> None:
    for body, headers in ((request(1, 2, 1).SerializeToString(), PROTOBUF), (as_json(request(1, 2, 1)), JSON)):
        broker.messages.clear()
        answer = await client.post("/v1/traces", content=body, headers=headers)
        assert (answer.status_code, answer.headers["content-type"]) == (200, headers["content-type"])
        assert [(each.topic, each.key) for each in broker.messages] == [
            ("otlp_spans", f"{1:032x}".encode()),
            ("otlp_spans", f"{2:032x}".encode()),
        ]
        read = [OtlpReader().traces(each.body, "auto", time.time_ns()) for each in broker.messages]
        assert [[span.span_id[-1] for span in one.spans] for one in read] == [["1", "3"], ["2"]]


async def test_a_message_of_one_trace_goes_on_as_it_came(client: httpx.AsyncClient, broker: Broker) -> None:
    for body, headers in ((request(7).SerializeToString(), PROTOBUF), (as_json(request(7)), JSON)):
        compressed = {**headers, "content-encoding": "gzip"}
        answer = await client.post("/v1/traces", content=gzip.compress(body, mtime=0), headers=compressed)
        assert answer.status_code == 200
        assert broker.messages[-1].body == body
    assert (await client.post("/v1/traces", headers=PROTOBUF)).status_code == 200
    assert len(broker.messages) == 2, "nothing was in the last one"


async def test_a_large_resource_is_not_repeated_for_each_trace(client: httpx.AsyncClient, broker: Broker) -> None:
    made = request(*range(1, 50))
    made.resource_spans[0].resource.attributes.add(key="k").value.string_value = "x" * 10_000
    assert (await client.post("/v1/traces", content=made.SerializeToString(), headers=PROTOBUF)).status_code == 200
    assert [each.key for each in broker.messages] == [b""]


async def test_bad_spans_are_told_and_go_on_to_be_rejected_on_the_record(
    client: httpx.AsyncClient, broker: Broker
) -> None:
    made = request(1, 1)
    made.resource_spans[0].scope_spans[0].spans[1].span_id = b""
    answer = await client.post("/v1/traces", content=made.SerializeToString(), headers=PROTOBUF)
    told = ExportTraceServiceResponse.FromString(answer.content).partial_success
    assert (told.rejected_spans, "span_id" in told.error_message) == (1, True)
    assert len(broker.messages) == 1


async def test_a_span_that_is_no_protobuf_is_rejected_alone(client: httpx.AsyncClient, broker: Broker) -> None:
    """Its neighbours are taken: an answer of 500 would have made the exporter drop them all."""
    body = request(1, 2, 3).SerializeToString().replace(b"chat", b"\xff\xfe\xfd\xfc", 1)
    answer = await client.post("/v1/traces", content=body, headers=PROTOBUF)
    told = ExportTraceServiceResponse.FromString(answer.content).partial_success
    assert (answer.status_code, told.rejected_spans) == (200, 1)
    read = [OtlpReader().traces(each.body, "auto", time.time_ns()) for each in broker.messages]
    assert [(len(one.spans), len(one.rejected)) for one in read] == [(0, 1), (1, 0), (1, 0)]


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"garbage", PROTOBUF, 400),
        (b"[]", JSON, 400),
        (b'{"resourceSpans": [1]}', JSON, 400),
        (b"{" * 10_000, JSON, 400),
        (b"\x0a\x7b", PROTOBUF, 400),
        (b"no gzip", {**PROTOBUF, "content-encoding": "gzip"}, 400),
        (gzip.compress(b"x" * 5_000, mtime=0)[:-9], {**PROTOBUF, "content-encoding": "gzip"}, 400),
        (gzip.compress(b"", mtime=0) * 50, {**PROTOBUF, "content-encoding": "gzip"}, 400),
        (gzip.compress(bytes(50_000_000), mtime=0), {**PROTOBUF, "content-encoding": "gzip"}, 413),
        (gzip.compress(bytes(90_000), mtime=0) * 2, {**PROTOBUF, "content-encoding": "gzip"}, 413),
        (bytes(BYTES_MAX + 1), PROTOBUF, 413),
        (b"{}", {"content-type": "text/plain"}, 415),
        (b"{}", {**JSON, "content-encoding": "br"}, 415),
    ],
    ids=lambda value: repr(value)[:24] if isinstance(value, bytes) else str(value)[:0],
)
async def test_what_cannot_be_taken_is_refused_for_good(
    client: httpx.AsyncClient, broker: Broker, body: bytes, headers: dict[str, str], status: int
) -> None:
    answer = await client.post("/v1/traces", content=body, headers=headers)
    assert answer.status_code == status
    assert "retry-after" not in answer.headers
    is_json = headers["content-type"] == "application/json"
    told: Any = answer.json()["message"] if is_json else Status.FromString(answer.content).message
    assert told
    assert broker.messages == []


async def test_under_pressure_and_without_a_broker_senders_are_told_to_come_again(
    client: httpx.AsyncClient, broker: Broker
) -> None:
    body = request(1).SerializeToString()
    broker.hold.clear()
    first = asyncio.create_task(client.post("/v1/traces", content=body, headers=PROTOBUF))
    await broker.reached.wait()
    second = await client.post("/v1/traces", content=body, headers=PROTOBUF)
    assert (second.status_code, second.headers["retry-after"]) == (429, "2")
    assert (await first).status_code == 503, "the broker said nothing in time"
    broker.hold.set()
    broker.trouble = Transient("Kafka: away")
    answer = await client.post("/v1/traces", content=body, headers=PROTOBUF)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert "send it again" in Status.FromString(answer.content).message
    broker.trouble = None
    assert (await client.post("/v1/traces", content=body, headers=PROTOBUF)).status_code == 200


async def test_a_token_is_asked_for_unless_it_is_open(broker: Broker) -> None:
    body = request(1).SerializeToString()
    for token, is_open, status in (
        (None, False, 401),
        ("wrong", False, 401),
        (AGENT, False, 200),
        (SERVICE, False, 200),
        (None, True, 200),
    ):
        async with connected(broker, token, is_open=is_open) as client:
            assert (await client.post("/v1/traces", content=body, headers=PROTOBUF)).status_code == status
    assert len(broker.messages) == 3


async def test_logs_go_to_their_own_topic(client: httpx.AsyncClient, broker: Broker) -> None:
    log = {"timeUnixNano": str(time.time_ns()), "body": {"stringValue": "hello"}}
    body = json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [log]}]}]})
    answer = await client.post("/v1/logs", content=body, headers=JSON)
    assert (answer.status_code, answer.json()) == (200, {})
    assert [(each.topic, each.key) for each in broker.messages] == [("otlp_logs", b"")]
