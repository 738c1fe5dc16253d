"""Traces as a fleet of agents sends them through a Collector that keeps a trace on one partition.

Each has four spans in two messages: two model calls and a tool, then the agent that made them, which ends last.
"""

import random
import time
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from confluent_kafka import Producer
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest as Request

from flyball.schemas.topics import OTLP_SPANS
from telemetry_ingest.otlp import TICK
from tests.bench.events import SECONDS_MAX, publish
from tests.bench.otlp import inference, put

SYSTEMS = 20
SPANS, MESSAGES = 4, 2
"""Of a trace."""
BEHIND = 200
"""Other traces begin before the agent's own span ends."""
SECOND_NS = 10**9
Message = tuple[bytes, bytes]
"""Key and body."""


def messages(traces: int, seed: int = 1) -> Iterator[Message]:
    """All messages of so many traces, which end now."""
    rng, ending = random.Random(seed), deque[Message]()
    for number in range(traces):
        trace_id, agent_id, at_ns = rng.randbytes(16), rng.randbytes(8), time.time_ns()
        system = f"claims-agent-{number % SYSTEMS:02}"
        key = trace_id.hex().encode()
        yield key, _steps(rng, system, trace_id, agent_id, at_ns).SerializeToString()
        ending.append((key, _agent(rng, system, trace_id, agent_id, at_ns).SerializeToString()))
        if len(ending) > BEHIND:
            yield ending.popleft()
    yield from ending


def preload(bootstrap: str, prepared: Iterable[Message], settle_seconds: float) -> int:
    """Publish messages, and when the last of their traces is due a tick for each partition. Bytes of the messages."""
    size = publish(bootstrap, OTLP_SPANS.name, prepared)
    # The broker's append time tells when a trace is due, and it stamps what comes when it comes.
    time.sleep(settle_seconds)
    producer = Producer({"bootstrap.servers": bootstrap})
    for partition in range(OTLP_SPANS.partitions):
        producer.produce(OTLP_SPANS.name, TICK, partition=partition)
    if producer.flush(SECONDS_MAX):
        raise TimeoutError(f"the broker did not take the ticks within {SECONDS_MAX} s")
    return size


def records_of(traces: int) -> int:
    """How many records so many traces are, ticks among them."""
    return traces * MESSAGES + OTLP_SPANS.partitions


def _steps(rng: random.Random, system: str, trace_id: bytes, agent_id: bytes, at_ns: int) -> Request:
    request, spans = _message(system)
    for name, told in (("chat gpt-5", inference(rng)), ("execute_tool", _tool()), ("chat gpt-5", inference(rng))):
        span = spans.add(trace_id=trace_id, span_id=rng.randbytes(8), parent_span_id=agent_id, kind=3, name=name)
        _time(span, rng, at_ns)
        put(span.attributes, {**told, "gen_ai.agent.name": system})
    return request


def _agent(rng: random.Random, system: str, trace_id: bytes, agent_id: bytes, at_ns: int) -> Request:
    request, spans = _message(system)
    span = spans.add(trace_id=trace_id, span_id=agent_id, kind=1, name=f"invoke_agent {system}")
    _time(span, rng, at_ns)
    told = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": system, "flyball.confidence": 0.9}
    put(span.attributes, told)
    return request


def _message(system: str) -> tuple[Request, Any]:
    request = Request()
    whole = request.resource_spans.add()
    put(whole.resource.attributes, {"service.name": system, "service.version": "2.3.1", "host.name": "node-1"})
    return request, whole.scope_spans.add().spans


def _time(span: Any, rng: random.Random, at_ns: int) -> None:
    span.end_time_unix_nano = at_ns - rng.randrange(SECOND_NS)
    span.start_time_unix_nano = span.end_time_unix_nano - rng.randrange(SECOND_NS)


def _tool() -> dict[str, Any]:
    return {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "find_claim",
        "gen_ai.tool.type": "function",
        "gen_ai.tool.call.id": "call-1",
        "server.address": "claims.example.com",
    }
