"""Tracing and logging as a program would set them up, sent twice: as OTLP protobuf and as OTLP JSON."""

from opentelemetry import _logs, trace
from opentelemetry.exporter.otlp.json.http._log_exporter import OTLPLogExporter as JsonLogs
from opentelemetry.exporter.otlp.json.http.trace_exporter import OTLPSpanExporter as JsonSpans
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor


def start(endpoint: str, service: str) -> tuple[TracerProvider, LoggerProvider]:
    """Providers that are also the process's own; shut them down to send what is left."""
    resource = Resource({"service.name": service, "service.version": "2.3.1"})
    spans = TracerProvider(resource=resource)
    logs = LoggerProvider(resource=resource)
    for exporter in (OTLPSpanExporter(f"{endpoint}/v1/traces"), JsonSpans(endpoint=f"{endpoint}/v1/traces")):
        spans.add_span_processor(BatchSpanProcessor(exporter))
    for log_exporter in (OTLPLogExporter(f"{endpoint}/v1/logs"), JsonLogs(endpoint=f"{endpoint}/v1/logs")):
        logs.add_log_record_processor(BatchLogRecordProcessor(log_exporter))
    trace.set_tracer_provider(spans)
    _logs.set_logger_provider(logs)
    return spans, logs
