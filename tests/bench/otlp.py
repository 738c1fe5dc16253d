"""Reading OTLP: protobuf spans to facts, beside what protobuf alone needs for them, in one process and one run."""

import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest as Request

from telemetry_ingest.adapters.otlp import OtlpReader
from telemetry_ingest.adapters.otlp.views import SpanView, TracesView
from tests.bench.collector import collect_as_a_service
from tests.bench.figures import Rate, cpu, cpu_ratios, rates, spread, table

NOW_NS = 1_795_000_000_000_000_000
SPANS_OF_A_MESSAGE = 500
MESSAGES = 10
ROUNDS = 10
"""Of one message, in one repeat."""
RECORDINGS = Path(__file__).parents[2] / "services" / "telemetry-ingest" / "tests" / "recordings" / "fixtures"
BARE, LOOKED_AT, READ = "bare decode", "bare decode, then every attribute looked at", "facts"
PARSED, TAKEN_OUT = "spans parsed, attributes left as bytes", "the same, attributes taken out as bytes"
Step = Callable[[bytes], object]


@dataclass(frozen=True, slots=True)
class Mix:
    """Messages of one kind of spans."""

    name: str
    bodies: Sequence[bytes]
    spans: int
    """In all of them."""

    @property
    def span_bytes(self) -> float:
        return sum(map(len, self.bodies)) / self.spans


def inferences(rng: random.Random) -> Request:
    """A message of model calls, as the standard's instrumentations tell of them: 15 attributes, ids and tokens vary."""
    request = Request()
    whole = request.resource_spans.add()
    put(whole.resource.attributes, {"service.name": "claims", "service.version": "2.3.1", "host.name": "node-1"})
    spans = whole.scope_spans.add().spans
    for _ in range(SPANS_OF_A_MESSAGE):
        span = spans.add(trace_id=rng.randbytes(16), span_id=rng.randbytes(8), parent_span_id=rng.randbytes(8), kind=3)
        span.name, span.end_time_unix_nano = "chat gpt-5", NOW_NS - rng.randrange(10**9)
        span.start_time_unix_nano = span.end_time_unix_nano - rng.randrange(10**9)
        put(span.attributes, inference(rng))
    return request


def inference(rng: random.Random) -> dict[str, Any]:
    """Attributes of a model call."""
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-5",
        "gen_ai.response.model": "gpt-5-2026-08-07",
        "gen_ai.response.id": f"chatcmpl-{rng.randbytes(8).hex()}",
        "gen_ai.usage.input_tokens": rng.randrange(5_000),
        "gen_ai.usage.output_tokens": rng.randrange(900),
        "gen_ai.usage.cache_read.input_tokens": rng.randrange(500),
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.request.max_tokens": 1_000,
        "gen_ai.request.temperature": 0.2,
        "server.address": "api.example.com",
        "server.port": 443,
        "gen_ai.agent.name": "claims-triage",
        "gen_ai.conversation.id": rng.randbytes(8).hex(),
    }


def put(attributes: Any, told: dict[str, Any]) -> None:
    """Add attributes to a span or a resource."""
    for name, value in told.items():
        pair = attributes.add(key=name)
        if isinstance(value, list):
            pair.value.array_value.values.add().string_value = value[0]
        else:
            kind = {str: "string_value", int: "int_value", float: "double_value"}[type(value)]
            setattr(pair.value, kind, value)


def mixes() -> list[Mix]:
    rng = random.Random(1)
    bodies = [inferences(rng).SerializeToString() for _ in range(MESSAGES)]
    recorded = [path.read_bytes() for path in sorted(RECORDINGS.glob("*.pb"))]
    spans = sum(len(scope.spans) for body in recorded for scope in _scopes(body))
    return [
        Mix("model calls, 15 attributes", bodies, MESSAGES * SPANS_OF_A_MESSAGE),
        Mix("as recorded from ten instrumentations, with message contents", recorded, spans),
    ]


def _scopes(body: bytes) -> Iterable[Any]:
    return (scope for one in Request.FromString(body).resource_spans for scope in one.scope_spans)


def steps() -> dict[str, Step]:
    reader = OtlpReader()
    return {
        BARE: Request.FromString,
        LOOKED_AT: look_at_all,
        PARSED: lambda body: [SpanView.FromString(one) for scope in _views(body) for one in scope.spans],
        TAKEN_OUT: lambda body: [
            list(SpanView.FromString(one).attributes) for scope in _views(body) for one in scope.spans
        ],
        READ: lambda body: reader.traces(body, "protobuf", NOW_NS),
    }


def look_at_all(body: bytes) -> None:
    """What a plain reader cannot do without: the key and the value of each attribute."""
    for scope in _scopes(body):
        for span in scope.spans:
            for attribute in span.attributes:
                attribute.key  # noqa: B018
                attribute.value.string_value  # noqa: B018


def _views(body: bytes) -> Iterable[Any]:
    return (scope for one in TracesView.FromString(body).resource_spans for scope in one.scope_spans)


def measure(repeats: int) -> str:
    """The figures as Markdown."""
    collect_as_a_service()
    return "\n\n".join(_measured(mix, repeats) for mix in mixes())


def _measured(mix: Mix, repeats: int) -> str:
    series: dict[str, list[Rate]] = {}
    for _ in range(repeats):
        for name, step in steps().items():
            series.setdefault(name, []).append(_rate(step, mix))
    bare = series[BARE]
    rows = [[name, rates(one), cpu(one), spread(cpu_ratios(one, bare), ".2f")] for name, one in series.items()]
    head = ["", "spans/s", "processor time of a span, µs", "of bare decode (goal of facts: 0.6)"]
    return f"**{mix.name}**, {mix.span_bytes:.0f} bytes a span\n\n{table(head, rows)}"


def _rate(step: Step, mix: Mix) -> Rate:
    """The quickest of the rounds for each message, as other work on the machine only ever adds to it.

    What a reader remembers is part of how it works, so a round before is not measured.
    """
    for body in mix.bodies:
        step(body)
    seconds, cpu_seconds = 0.0, 0.0
    for body in mix.bodies:
        rounds = [_timed(step, body) for _ in range(ROUNDS)]
        seconds += min(wall for wall, _ in rounds)
        cpu_seconds += min(worked for _, worked in rounds)
    return Rate(mix.spans, seconds, cpu_seconds)


def _timed(step: Step, body: bytes) -> tuple[float, float]:
    began, worked = time.perf_counter(), time.thread_time()
    step(body)
    return time.perf_counter() - began, time.thread_time() - worked
