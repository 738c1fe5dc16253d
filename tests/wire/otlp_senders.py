"""OpenTelemetry as its users have it: the real SDK, its real exporter, an agent's run as the conventions name it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult, SpanProcessor
from opentelemetry.trace import Tracer

SECRET = "my card is 4111 1111 1111 1111"
EXPORT_SECONDS = 20


@dataclass(slots=True)
class Kept(SpanProcessor):
    """Keeps ended spans, children before their parents, for whoever wants to export them in his own way."""

    spans: list[ReadableSpan]

    def on_end(self, span: ReadableSpan) -> None:
        self.spans.append(span)


def runs(system: str, release: str, count: int) -> list[list[ReadableSpan]]:
    """Spans of so many runs of one agent, in the order in which they ended: two requests of 10 + 4 tokens each."""
    found = []
    for _ in range(count):
        kept = Kept([])
        provider = TracerProvider(resource=Resource({"service.name": f"{system}-svc", "flyball.release": release}))
        provider.add_span_processor(kept)
        _run(provider.get_tracer("tests"), system)
        found.append(kept.spans)
    return found


def _run(tracer: Tracer, system: str) -> None:
    agent = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": system, "gen_ai.usage.input_tokens": 20}
    chat = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 4,
        "gen_ai.input.messages": f'[{{"role": "user", "content": "{SECRET}"}}]',
    }
    with tracer.start_as_current_span("POST /ask"), tracer.start_as_current_span("invoke_agent", attributes=agent):
        for _ in range(2):
            answered = {"gen_ai.response.id": f"answer-{uuid4()}"}
            with tracer.start_as_current_span("chat gpt-4o-mini", attributes=chat | answered):
                pass


def judgement(answer: object, time_ns: int) -> bytes:
    """What an evaluator exports that knows nothing but the answer that it judges."""
    logs = LogsData()
    resource = logs.resource_logs.add()
    resource.resource.attributes.add(key="service.name").value.string_value = "somebody-else"
    event = resource.scope_logs.add().log_records.add(time_unix_nano=time_ns, event_name="gen_ai.evaluation.result")
    event.body.string_value = SECRET
    told: dict[str, Any] = {"gen_ai.evaluation.name": "relevance", "gen_ai.response.id": answer}
    for name, text in told.items():
        event.attributes.add(key=name).value.string_value = text
    event.attributes.add(key="gen_ai.evaluation.score.value").value.double_value = 0.5
    return logs.SerializeToString()


@asynccontextmanager
async def exporter(url: str, token: str, compression: Compression = Compression.Gzip) -> AsyncIterator[SpanExporter]:
    """The real one, over HTTP."""
    made = OTLPSpanExporter(
        f"{url}/v1/traces",
        headers={"authorization": f"Bearer {token}"},
        compression=compression,
        timeout=EXPORT_SECONDS,
    )
    try:
        yield made
    finally:
        await asyncio.to_thread(made.shutdown)


async def export(exporter: SpanExporter, spans: Sequence[ReadableSpan]) -> bool:
    """Send them; has the other side taken them?"""
    return await asyncio.to_thread(exporter.export, spans) is SpanExportResult.SUCCESS
