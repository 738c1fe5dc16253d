"""OTLP messages, in protobuf or JSON form, as facts."""

from telemetry_ingest.adapters.otlp.reader import Encoding, OtlpReader

__all__ = ["Encoding", "OtlpReader"]
