"""Events that break the contract, one way each, and what is to become of them."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flyball.schemas.base import UNKNOWN_SYSTEM
from flyball.schemas.topics import AGENT_EVENTS
from tests.wire.outside import Headers, Letter
from tests.wire.readme import binary_headers, example_event

PARTITION = 3
"""All of a test's records go to one partition, so that each bad one stands between good neighbours."""
TEN_YEARS = timedelta(days=3_652)


@dataclass(frozen=True, slots=True)
class Bad:
    """A record with the reason and the field of its rejection; ``mine`` says whether its system can be told."""

    name: str
    body: bytes | None
    reason: str
    field: str | None = None
    headers: Headers = ()
    key: bytes | None = b"the system's"
    mine: bool = True

    def letter(self, system: str) -> Letter:
        key = system.encode() if self.key == b"the system's" else self.key
        return Letter(AGENT_EVENTS.name, key, self.body, self.headers, PARTITION)

    def counted_under(self, system: str) -> str:
        return system if self.mine else UNKNOWN_SYSTEM


def good(system: str, *, key: bytes | None = None) -> Letter:
    body = json.dumps(example_event(system)).encode()
    return Letter(AGENT_EVENTS.name, key, body, (), PARTITION)


def bad_events(system: str) -> list[Bad]:
    """One of each kind."""
    return [*_not_json(system), *_wrong_values(system), *_wrong_records(system)]


def _not_json(system: str) -> list[Bad]:
    whole = _event(system)
    return [
        Bad("not JSON", b"interaction.completed ok 1840 ms", "not_json"),
        Bad("cut off", whole[:-20], "not_json"),
        Bad("two documents", whole + whole, "not_json"),
        Bad("not JSON, and no key", b"\x00\x01\x02", "not_json", key=None, mine=False),
        Bad("NaN", _event(system, latency_ms=float("nan")), "not_finite"),
        Bad("Infinity", _event(system, latency_ms=float("inf")), "not_finite"),
        Bad("minus Infinity", _event(system, latency_ms=float("-inf")), "not_finite"),
        Bad("a number beyond floats", whole.replace(b"1840.5", b"1e999"), "not_finite", "data.latency_ms"),
        Bad("not UTF-8", whole.replace(b"ok", b"\xff\xfe"), "not_utf8"),
        Bad("a lone surrogate as bytes", whole.replace(b"ok", b"\xed\xa0\x80"), "not_utf8"),
        Bad("a lone surrogate escaped", whole.replace(b"ok", b"\\ud800"), "not_json"),
        Bad("duplicate keys", whole.replace(b'"outcome"', b'"outcome": "failed", "outcome"'), "duplicate_key"),
        Bad("deep nesting", b"[" * 100_000, "too_deep"),
        Bad("deep nesting inside", whole.replace(b'"ok"', b'{"a":' * 500 + b"1" + b"}" * 500), "too_deep"),
    ]


def _wrong_values(system: str) -> list[Bad]:
    now = datetime.now(UTC)
    return [
        Bad("text for a number", _event(system, latency_ms="fast"), "invalid_field", "data.latency_ms"),
        Bad("a number for text", _event(system, outcome=1), "invalid_field", "data.outcome"),
        Bad("text for a truth value", _event(system, escalated="yes"), "invalid_field", "data.escalated"),
        Bad("a fraction of a token", _event(system, input_tokens=1.5), "invalid_field", "data.input_tokens"),
        Bad("a negative latency", _event(system, latency_ms=-1.0), "invalid_field", "data.latency_ms"),
        Bad("a list for an event", b"[1, 2]", "invalid_field"),
        Bad("no release", _event(system, release=None), "invalid_field", "data.release"),
        Bad(
            "a label of a million characters",
            _event(system, segment={"market": "x" * 1_000_000}),
            "invalid_field",
            "data.segment.market",
        ),
        Bad(
            "a thousand labels",
            _event(system, segment={str(n): "x" for n in range(1_000)}),
            "invalid_field",
            "data.segment",
        ),
        Bad("an unknown type", _envelope(system, type="interaction.imagined"), "unknown_type", "type"),
        Bad("no id", _envelope(system, without="id"), "missing_field", "id"),
        Bad("ten years ahead", _envelope(system, time=(now + TEN_YEARS).isoformat()), "time_in_future", "time"),
        Bad("ten years ago", _envelope(system, time=(now - TEN_YEARS).isoformat()), "time_too_old", "time"),
        Bad("a time without a zone", _envelope(system, time="2026-11-21T09:30:00"), "invalid_field", "time"),
    ]


def _wrong_records(system: str) -> list[Bad]:
    event = example_event(system)
    data = json.dumps(event["data"]).encode()
    in_binary = binary_headers(event)
    return [
        Bad("two megabytes", _event(system, outcome="x" * 2_097_152), "too_large"),
        Bad("an empty body", b"", "empty_body"),
        Bad("a tombstone", None, "empty_body"),
        Bad("a tombstone without a key", None, "empty_body", key=None, mine=False),
        Bad("an empty key", _event(system), "key_mismatch", "subject", key=b""),
        Bad("another system's key", _event(system), "key_mismatch", "subject", key=b"somebody-else"),
        Bad("a header that is not UTF-8", data, "bad_header", "ce_source", _with(in_binary, "ce_source", b"\xff\xfe")),
        Bad("a header without a value", data, "bad_header", "ce_source", _with(in_binary, "ce_source", None)),
        Bad("a header twice", data, "duplicate_key", "ce_id", [*in_binary, ("ce_id", b"another")]),
        Bad(
            "a foreign content type",
            _event(system),
            "unsupported_content_type",
            "content-type",
            [("content-type", b"application/avro")],
        ),
    ]


def _event(system: str, **data: Any) -> bytes:
    event = example_event(system)
    return json.dumps({**event, "data": {**event["data"], **data}}).encode()


def _envelope(system: str, *, without: str | None = None, **attributes: Any) -> bytes:
    event = {**example_event(system), **attributes}
    return json.dumps({name: value for name, value in event.items() if name != without}).encode()


def _with(headers: list[tuple[str, bytes]], name: str, value: bytes | None) -> Headers:
    return [(header, value if header == name else old) for header, old in headers]
