"""Records that must be rejected, each with the reason and the system under which it counts."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from tests.chaos.records import CLOUDEVENT, JSON, Content, Headers, binary, compact, structured

TEN_YEARS = timedelta(days=3_653)


@dataclass(frozen=True, slots=True)
class Flawed:
    """An invalid record and what must be said of it."""

    system: str
    key: bytes | None
    headers: Headers
    body: bytes
    reason: str


def _keyed(content: Content, headers: Headers, body: bytes, reason: str) -> Flawed:
    return Flawed(content.system, content.system.encode(), headers, body, reason)


def _with(content: Content, reason: str, **data: Any) -> Flawed:
    changed = {name: value for name, value in {**content.data, **data}.items() if value is not ...}
    return _keyed(content, *structured(replace(content, data=changed)), reason)


def not_json(content: Content) -> Flawed:
    return _keyed(content, [CLOUDEVENT], b'{"specversion"-', "not_json")


def cut_off(content: Content) -> Flawed:
    headers, body = structured(content)
    return _keyed(content, headers, body[: len(body) * 2 // 3], "not_json")


def nobody_knows_whose(content: Content) -> Flawed:
    del content
    return Flawed("unknown", None, [], b"\x00\x01 no event at all", "not_json")


def wrong_type(content: Content) -> Flawed:
    return _with(content, "invalid_field", latency_ms="fast")


def negative(content: Content) -> Flawed:
    return _with(content, "invalid_field", input_tokens=-1)


def missing_release(content: Content) -> Flawed:
    return _with(content, "missing_field", release=...)


def not_a_number(content: Content) -> Flawed:
    return _with(content, "not_finite", latency_ms=float("nan"))


def infinite(content: Content) -> Flawed:
    headers, body = structured(replace(content, data={**content.data, "latency_ms": 123.5}))
    return _keyed(content, headers, body.replace(b":123.5", b":1e999"), "not_finite")


def unknown_type(content: Content) -> Flawed:
    return _keyed(content, *binary(replace(content, kind="interaction.imagined")), "unknown_type")


def far_future(content: Content) -> Flawed:
    return _keyed(content, *structured(replace(content, time=content.time + TEN_YEARS)), "time_in_future")


def far_past(content: Content) -> Flawed:
    return _keyed(content, *binary(replace(content, time=content.time - TEN_YEARS)), "time_too_old")


def no_time_zone(content: Content) -> Flawed:
    attributes = content.attributes() | {"time": content.time.replace(tzinfo=None).isoformat()}
    return _keyed(content, [CLOUDEVENT], compact({**attributes, "data": content.data}), "invalid_field")


def empty(content: Content) -> Flawed:
    headers, _ = binary(content)
    return _keyed(content, headers, b"", "empty_body")


def key_twice(content: Content) -> Flawed:
    headers, body = structured(content)
    return _keyed(content, headers, b'{"specversion":"1.0",' + body[1:], "duplicate_key")


def too_deep(content: Content) -> Flawed:
    headers, _ = binary(content)
    return _keyed(content, headers, b"[" * 5_000 + b"]" * 5_000, "too_deep")


def bad_header(content: Content) -> Flawed:
    headers, body = binary(content)
    spoilt = [(name, b"\xff\xfe" if name == "ce_source" else value) for name, value in headers]
    return _keyed(content, spoilt, body, "bad_header")


def other_media_type(content: Content) -> Flawed:
    _, body = structured(content)
    return _keyed(content, [("content-type", b"text/xml")], body, "unsupported_content_type")


def key_of_another(content: Content) -> Flawed:
    headers, body = structured(content)
    return Flawed(content.system, b"another-agent", [JSON, *headers[1:]], body, "key_mismatch")


INVALID: tuple[Callable[[Content], Flawed], ...] = (
    not_json,
    cut_off,
    nobody_knows_whose,
    wrong_type,
    negative,
    missing_release,
    not_a_number,
    infinite,
    unknown_type,
    far_future,
    far_past,
    no_time_zone,
    empty,
    key_twice,
    too_deep,
    bad_header,
    other_media_type,
    key_of_another,
)
