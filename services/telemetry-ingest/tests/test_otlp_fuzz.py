"""Whatever happens to a message on its way: never a crash, never a lost neighbour, every part in exactly one count."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest as Request
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from flyball.schemas.unreadable import Unreadable
from recordings.expected import HERE, RECORDED_NS, names
from telemetry_ingest.adapters.otlp import Encoding, OtlpReader
from telemetry_ingest.adapters.otlp.attributes import key_of, value_of
from telemetry_ingest.domain.otlp.facts import OtlpRead

FEW = settings(max_examples=12, database=None, suppress_health_check=list(HealthCheck))
MANY = settings(FEW, max_examples=1_000)
RECORDINGS = [(HERE / "fixtures" / f"{name}.{suffix}").read_bytes() for name in names() for suffix in ("pb", "json")]

texts = some.text(max_size=140)
scalars = some.one_of(
    texts.map(lambda value: AnyValue(string_value=value)),
    some.booleans().map(lambda value: AnyValue(bool_value=value)),
    some.integers(-(2**63), 2**63 - 1).map(lambda value: AnyValue(int_value=value)),
    some.floats(allow_nan=False).map(lambda value: AnyValue(double_value=value)),
    some.just(AnyValue()),
    some.just(AnyValue(array_value={"values": [AnyValue(int_value=1)]})),
    some.just(AnyValue(bytes_value=b"raw")),
)
names_in_otlp = some.sampled_from(["scopeSpans", "spans", "attributes", "key", "value", "stringValue", "events"])
documents = some.recursive(
    some.none() | some.booleans() | some.integers() | some.text(max_size=5),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(names_in_otlp, inner, max_size=3),
    max_leaves=6,
)
edits = some.lists(
    some.tuples(some.integers(0, 2**20), some.sampled_from(["cut", "flip", "drop", "double"]), some.integers(1, 255)),
    min_size=1,
    max_size=4,
)


def damaged(body: bytes, damage: list[tuple[int, str, int]]) -> bytes:
    for place, kind, by in damage:
        at = place % max(1, len(body))
        if kind == "cut":
            body = body[: len(body) - at % 64]
        elif kind == "flip":
            body = body[:at] + bytes([body[at] ^ by]) + body[at + 1 :] if body else body
        elif kind == "drop":
            body = body[:at] + body[at + by :]
        else:
            body = body[: at + by] + body[at:]
    return body


def read(body: bytes, encoding: Encoding) -> OtlpRead | None:
    """What is read; None for a message of which nothing is."""
    reader = OtlpReader(keep_contents=True)
    with suppress(Unreadable):
        reader.logs(body, encoding, RECORDED_NS)
    with suppress(Unreadable):
        return reader.traces(body, encoding, RECORDED_NS)
    return None


def holds_for_damage(body: bytes, damage: list[tuple[int, str, int]]) -> None:
    found = read(damaged(body, damage), "auto")
    if found is not None:
        positions = [part.position for part in found.rejected]
        assert positions == sorted(set(positions))
        assert all(part.reason and part.detail and part.body for part in found.rejected)


@FEW
@given(some.sampled_from(RECORDINGS), edits)
def test_a_damaged_message_is_read_or_refused(body: bytes, damage: list[tuple[int, str, int]]) -> None:
    holds_for_damage(body, damage)


@pytest.mark.seeds
@MANY
@given(some.sampled_from(RECORDINGS), edits)
def test_many_damaged_messages_are_read_or_refused(body: bytes, damage: list[tuple[int, str, int]]) -> None:
    holds_for_damage(body, damage)


@FEW
@given(some.binary(max_size=200), some.sampled_from(["protobuf", "json", "auto"]))
def test_any_bytes_are_read_or_refused(body: bytes, encoding: Any) -> None:
    read(body, encoding)


@FEW
@given(documents)
def test_any_json_is_read_or_refused(document: Any) -> None:
    read(json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [document]}]}, document]}).encode(), "json")


@FEW
@given(some.integers(0, 12), edits)
def test_a_damaged_span_leaves_its_neighbours(index: int, damage: list[tuple[int, str, int]]) -> None:
    request = Request.FromString((HERE / "fixtures" / "openai_agents_v2.pb").read_bytes())
    spans = request.resource_spans[0].scope_spans[0].spans
    whole = [span.SerializeToString() for span in spans]
    whole[index] = damaged(whole[index], damage)
    found = read(_message(whole), "protobuf")
    assert found is not None
    assert len(found.spans) + len(found.rejected) == len(whole)
    assert [part.position for part in found.rejected] in ([], [index])


def _message(spans: list[bytes]) -> bytes:
    """Written by hand, for protobuf itself would not write a damaged span."""
    scope = b"".join(_field(0x12, span) for span in spans)
    return _field(0x0A, _field(0x12, scope))


def _field(tag: int, body: bytes) -> bytes:
    size, written = len(body), bytearray([tag])
    while size > 0x7F:
        written.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes(written) + bytes([size]) + body


@FEW
@given(some.text(max_size=140), scalars)
def test_an_attribute_is_read_as_protobuf_reads_it(key: str, value: AnyValue) -> None:
    pair = KeyValue(key=key, value=value).SerializeToString()
    kind = value.WhichOneof("value")
    plain = None if kind in (None, "array_value", "bytes_value") else getattr(value, kind)
    assert key_of(pair) == key.encode()
    assert value_of(pair) == (kind is not None, plain)
