"""One record at a time: what is read, what is refused and why."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest

from flyball.schemas.base import UNKNOWN_SYSTEM
from flyball.schemas.envelope import BODY_BYTES_MAX, Unreadable, headers_of, read_agent_event, subject_of
from flyball.schemas.native import InteractionCompletedEvent

STRUCTURED = (("content-type", b"application/cloudevents+json; charset=UTF-8"),)
DATA: dict[str, Any] = {"interaction_id": "int-1", "release": "2026.11.1", "outcome": "ok", "latency_ms": 812.5}
ATTRIBUTES: dict[str, Any] = {
    "specversion": "1.0",
    "id": "0199f7a0-7c1e-7d55-a111-2233445566aa",
    "source": "agents/checkout-1",
    "type": "interaction.completed",
    "subject": "checkout",
    "time": "2026-11-21T09:30:00.125Z",
}


def event(data: dict[str, Any] | None = None, **attributes: Any) -> bytes:
    return json.dumps({**ATTRIBUTES, **attributes, "data": {**DATA, **(data or {})}}).encode()


def without(field: str) -> bytes:
    return json.dumps({k: v for k, v in {**ATTRIBUTES, "data": DATA}.items() if k != field}).encode()


def binary(**attributes: bytes) -> tuple[tuple[str, bytes], ...]:
    values = {name: value.encode() for name, value in ATTRIBUTES.items()} | attributes
    return tuple((f"ce_{name}", value) for name, value in values.items())


def refused(body: bytes | None, headers: tuple[tuple[str, bytes], ...] = STRUCTURED) -> Unreadable:
    with pytest.raises(Unreadable) as caught:
        read_agent_event(headers, body)
    return caught.value


BODY = json.dumps(DATA).encode()
EXPECTED = InteractionCompletedEvent.model_validate_json(event())


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (STRUCTURED, event()),
        ((), event()),
        ((("content-type", b"application/json"),), event()),
        ((*STRUCTURED, ("ce_id", b"\xff")), event()),
        (binary(), BODY),
        ((*binary(), ("content-type", b"Application/JSON;charset=utf-8")), BODY),
        ((*binary(), ("ce_datacontenttype", b"application/json"), ("ce_extension", b"x"), ("other", b"\xff")), BODY),
        ((), event({"a_later_field": [1.5, {"x": None}]})),
    ],
)
def test_both_modes_read_the_same_event(headers: tuple[tuple[str, bytes], ...], body: bytes) -> None:
    assert read_agent_event(headers, body) == EXPECTED


def test_the_tenant_is_an_extension_attribute() -> None:
    assert read_agent_event(binary(tenant=b"acme"), BODY).tenant == "acme"
    assert read_agent_event((), event(tenant="acme")).tenant == "acme"
    assert EXPECTED.tenant == "default"


@pytest.mark.parametrize(
    ("body", "reason", "field"),
    [
        (None, "empty_body", None),
        (b"", "empty_body", None),
        (b" " * (BODY_BYTES_MAX + 1), "too_large", None),
        (b" ", "not_json", None),
        (b"hello", "not_json", None),
        (b"{'a': 1}", "not_json", None),
        (event() + b"}", "not_json", None),
        (b"\xef\xbb\xbf" + event(), "not_json", None),
        (event({"outcome": "\ud800"}), "not_json", None),
        (b"\xff\xfe", "not_utf8", None),
        (event().replace(b"checkout-1", b"caf\xe9"), "not_utf8", None),
        (event().replace(b'"outcome"', b'"latency_ms": 1, "outcome"'), "duplicate_key", None),
        (event({"latency_ms": float("nan")}), "not_finite", None),
        (event({"latency_ms": float("-inf")}), "not_finite", None),
        (event().replace(b"812.5", b"1e999"), "not_finite", "data.latency_ms"),
        (event({"unknown": [{"a": 1}]}).replace(b'"a": 1', b'"a": -1e999'), "not_finite", "data.unknown.0.a"),
        (event({"latency_ms": 10**400}), "not_finite", "data.latency_ms"),
        (event().replace(b"812.5", b"1" * 5000), "not_finite", None),
        (b"[" * 100_000, "too_deep", None),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "too_deep", None),
        (event({"input_tokens": 10**400}), "invalid_field", "data.input_tokens"),
        (event(type="interaction.started"), "unknown_type", "type"),
        (event(type=5), "unknown_type", "type"),
        (event(type="x" * 100_000), "unknown_type", "type"),
        (b"{}", "missing_field", "type"),
        (without("id"), "missing_field", "id"),
        (without("data"), "missing_field", "data"),
        (without("type"), "missing_field", "type"),
        (b"[]", "invalid_field", None),
        (b"5", "invalid_field", None),
        (event(specversion="0.3"), "invalid_field", "specversion"),
        (event(subject=""), "invalid_field", "subject"),
        (event(subject="Check Out"), "invalid_field", "subject"),
        (event(subject="checkout\n"), "invalid_field", "subject"),
        (event(time="2026-11-21T09:30:00"), "invalid_field", "time"),
        (event(time="1700000000"), "invalid_field", "time"),
        (event(time=1_700_000_000), "invalid_field", "time"),
        (event(time="0001-01-01T00:00:00+14:00"), "invalid_field", "time"),
        (event({"latency_ms": "812.5"}), "invalid_field", "data.latency_ms"),
        (event({"latency_ms": True}), "invalid_field", "data.latency_ms"),
        (event({"latency_ms": -1}), "invalid_field", "data.latency_ms"),
        (event({"escalated": "yes"}), "invalid_field", "data.escalated"),
        (event({"segment": {"market": "x" * 1_000_000}}), "invalid_field", "data.segment.market"),
        (event({"segment": {str(i): 5 for i in range(100_000)}}), "too_large", None),
        (event({"segment": {str(i): 5 for i in range(50_000)}}), "invalid_field", "data.segment"),
    ],
)
def test_each_broken_record_has_its_reason_and_field(body: bytes | None, reason: str, field: str | None) -> None:
    error = refused(body)
    assert (error.reason, error.field) == (reason, field)


def test_field_and_detail_are_bounded() -> None:
    for body in (event(type="x" * 500_000), event({"segment": {"k" * 500_000: "v"}})):
        error = refused(body)
        assert len(error.field or "") <= 256
        assert 0 < len(error.detail) <= 1024


def test_the_names_of_union_members_are_not_part_of_the_field() -> None:
    data = {"prediction_id": "p", "release": "1", "predicted_class": "fraud", "features": {"age": [1]}}
    body = json.dumps({**ATTRIBUTES, "type": "prediction.made", "data": data}).encode()
    assert refused(body).field == "data.features.age"


@pytest.mark.parametrize(
    ("headers", "reason", "field"),
    [
        (binary(id=b"\xff"), "bad_header", "ce_id"),
        (binary(extension=b"\xff"), "bad_header", "ce_extension"),
        ((*binary(), ("ce_id", b"2")), "duplicate_key", "ce_id"),
        ((*binary(), ("content-type", b"application/avro")), "unsupported_content_type", "content-type"),
        ((("content-type", b"application/cloudevents-batch+json"),), "unsupported_content_type", "content-type"),
        ((("content-type", b"\xff"),), "unsupported_content_type", "content-type"),
        ((("ce_id", b"1"),), "missing_field", "type"),
        (binary()[:-1], "missing_field", "time"),
        (binary(type=b"nothing"), "unknown_type", "type"),
        (binary(subject=b"Check Out"), "invalid_field", "subject"),
        (binary(time=b"1700000000"), "invalid_field", "time"),
    ],
)
def test_each_broken_header_has_its_reason(headers: tuple[tuple[str, bytes], ...], reason: str, field: str) -> None:
    error = refused(BODY, headers)
    assert (error.reason, error.field) == (reason, field)


def test_a_body_in_binary_mode_cannot_reach_into_the_envelope() -> None:
    assert refused(BODY + b',"subject":"other"', binary()).reason == "not_json"


def test_the_level_that_the_envelope_adds_may_be_the_one_too_many() -> None:
    for depth in (198, 199, 200, 201, 202, 203):
        body = BODY[:-1] + b',"unknown":' + b"[" * depth + b"]" * depth + b"}"
        if depth < 200:
            assert read_agent_event(binary(), body) == EXPECTED
        else:
            assert refused(body, binary()).reason == "too_deep"


def test_our_own_headers_are_read_in_binary_mode() -> None:
    moment = datetime(2026, 11, 21, 11, 30, 0, 125_000, timezone(timedelta(hours=2)))
    own = headers_of(UUID(ATTRIBUTES["id"]), ATTRIBUTES["source"], ATTRIBUTES["type"], moment, "checkout")
    assert read_agent_event(own, BODY) == EXPECTED
    assert dict(own)["ce_time"] == b"2026-11-21T09:30:00.125000Z"
    assert dict(own)["content-type"] == b"application/json"
    with pytest.raises(ValueError, match="no time zone"):
        headers_of(UUID(int=0), "s", "t", datetime(2026, 11, 21, tzinfo=UTC).replace(tzinfo=None), "checkout")


@pytest.mark.parametrize(
    ("headers", "body", "key", "system"),
    [
        ((), event(type="nothing"), b"other", "checkout"),
        ((), event().replace(b"812.5", b"NaN"), b"other", "checkout"),
        ((), event()[:-40], b"other", "checkout"),
        (binary(id=b"\xff"), BODY, b"other", "checkout"),
        (binary(subject=b"\xff"), BODY, b"other", "other"),
        ((), event(subject="Check Out"), b"other", "other"),
        ((), event(subject=["checkout"]), b"other", "other"),
        ((), b"[" * 100_000, b"other", "other"),
        ((), event() + b" " * BODY_BYTES_MAX, b"other", "other"),
        ((), None, b"other", "other"),
        ((), b"[]", b"Other", UNKNOWN_SYSTEM),
        ((), b"\xff", b"other\n", UNKNOWN_SYSTEM),
        ((), b"", b"x" * 64, UNKNOWN_SYSTEM),
        ((), None, None, UNKNOWN_SYSTEM),
    ],
)
def test_the_system_of_an_unreadable_record_is_guessed(
    headers: tuple[tuple[str, bytes], ...], body: bytes | None, key: bytes | None, system: str
) -> None:
    assert subject_of(headers, body, key) == system
