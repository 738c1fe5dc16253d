"""CloudEvents 1.0 on Kafka: reading what agents send, in structured or binary mode, and the headers we write ourselves.

Reading is strict and judges one record at a time. It is parsed once by jiter, for duplicate keys, infinities and
bounds, which pydantic's own parser lets pass, and once by the model itself; that alone decides what is refused, and
says why. Whoever has very many to read has most of them proven to be in order by ``quick_reader``, as plain structs.
"""

import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import jiter
from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from flyball.schemas.base import NAME_PATTERN, UNKNOWN_SYSTEM
from flyball.schemas.native import AgentEvent
from flyball.schemas.unreadable import Reason, Unreadable, dotted, not_parsed, not_valid

__all__ = ["BODY_BYTES_MAX", "Reason", "Unreadable", "headers_of", "read_agent_event", "subject_of"]

Headers = Sequence[tuple[str, bytes | None]]
"""Kafka lets a header have no value."""

BODY_BYTES_MAX: Final = 1_048_576
MEMBERS_MAX: Final = 1_024
"""Of one object or array. The widest of the models has 512; more would only make the rejection expensive."""
SPECVERSION: Final = "1.0"
CONTENT_TYPE: Final = "content-type"
ATTRIBUTE_PREFIX: Final = "ce_"
STRUCTURED: Final = "application/cloudevents+json"
JSON_TYPES: Final = frozenset({"", "application/json", "text/json"})
NAME_BYTES_MAX: Final = 63
ATTRIBUTES: Final = frozenset({"specversion", "id", "source", "type", "subject", "time", "tenant"})

_READER: TypeAdapter[AgentEvent] = TypeAdapter(AgentEvent)
_NAME = re.compile(NAME_PATTERN)


def read_agent_event(headers: Headers, body: bytes | None, *, body_bytes_max: int = BODY_BYTES_MAX) -> AgentEvent:
    """The event in one Kafka record, whichever mode it came in.

    Raises:
        Unreadable: the record breaks the contract; nothing else is ever raised, whatever the bytes.
    """
    if not body:
        raise Unreadable("empty_body", None, "the record has no body")
    if len(body) > body_bytes_max:
        raise Unreadable("too_large", None, f"the body has {len(body)} bytes, {body_bytes_max} are allowed")
    if not headers or is_structured(headers):
        return _validated(body, _parsed(body))
    attributes = attributes_of(headers)
    # Where it is valid JSON, the body is put into an envelope as it is.
    return _validated(b'{"data":' + body + b"," + to_json(attributes)[1:], {"data": _parsed(body), **attributes})


def is_structured(headers: Headers) -> bool:
    """Is the whole envelope in the body? Raises ``Unreadable`` for content that is no JSON."""
    has_attributes = False
    media_type = ""
    for name, value in headers:
        if name.startswith(ATTRIBUTE_PREFIX):
            has_attributes = True
        elif name == CONTENT_TYPE:
            media_type = _media_type(value)
    if media_type == STRUCTURED:
        return True
    if media_type not in JSON_TYPES:
        raise Unreadable("unsupported_content_type", CONTENT_TYPE, f"expected {STRUCTURED} or application/json")
    return not has_attributes


def _media_type(value: bytes | None) -> str:
    """``b"Application/JSON; charset=utf-8"`` as ``application/json``; what is not ASCII is no media type we know."""
    return (value or b"").split(b";", 1)[0].strip().lower().decode("ascii", "replace")


def attributes_of(headers: Headers) -> dict[str, str]:
    """The context attributes among the headers of a binary-mode record, at least its type. Raises ``Unreadable``."""
    attributes: dict[str, str] = {}
    for name, value in headers:
        if not name.startswith(ATTRIBUTE_PREFIX):
            continue
        text = _text(name, value)
        attribute = name.removeprefix(ATTRIBUTE_PREFIX)
        if attribute in attributes:
            raise Unreadable("duplicate_key", name, "the header appears more than once")
        if attribute in ATTRIBUTES:
            attributes[attribute] = text
    if "type" not in attributes:
        raise Unreadable("missing_field", "type", "a record in binary mode needs the header ce_type")
    return attributes


def _text(name: str, value: bytes | None) -> str:
    if value is None:
        raise Unreadable("bad_header", name, "the header has no value")
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Unreadable("bad_header", name, "the value of the header is not UTF-8") from error


def _parsed(body: bytes) -> Any:
    """``body`` as plain Python values: valid JSON, each key once, every number finite, nothing too wide or too deep."""
    try:
        document = jiter.from_json(body, catch_duplicate_keys=True, allow_inf_nan=False)
    except ValueError as error:
        raise not_parsed(error, body) from error
    flaw = _flaw(document)
    if flaw is not None:
        reason, detail, steps = flaw
        raise Unreadable(reason, dotted(steps), detail)
    return document


def _flaw(value: object) -> tuple[Reason, str, tuple[str | int, ...]] | None:
    """The first infinity (jiter reads 1e999 as one) or too wide object in ``value``, which jiter keeps shallow."""
    if type(value) is float:
        return None if math.isfinite(value) else ("not_finite", "the number is too large for 64-bit floating point", ())
    if not isinstance(value, dict | list):
        return None
    if len(value) > MEMBERS_MAX:
        return "invalid_field", f"{len(value)} members, {MEMBERS_MAX} are allowed", ()
    for step, member in value.items() if isinstance(value, dict) else enumerate(value):
        if type(member) is str:
            continue
        found = _flaw(member)
        if found is not None:
            return found[0], found[1], (step, *found[2])
    return None


def _validated(envelope: bytes, document: Any) -> AgentEvent:
    try:
        event = _READER.validate_json(envelope)
    except ValidationError as error:
        raise not_valid(error, document) from error
    # pydantic also reads "1700000000" as a time; RFC 3339 has a dash after the year.
    if document["time"][4:5] != "-":
        raise Unreadable("invalid_field", "time", "expected a time such as 2026-11-21T09:30:00Z (RFC 3339)")
    return event


def headers_of(identity: UUID, source: str, kind: str, time: datetime, subject: str) -> tuple[tuple[str, bytes], ...]:
    """The headers of a record that one of our services writes, in binary mode. ``time`` must be aware.

    Raises:
        ValueError: ``time`` has no time zone.
    """
    if time.tzinfo is None:
        raise ValueError(f"the time of {kind} has no time zone: {time.isoformat()}; give it in UTC")
    moment = time.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return (
        ("ce_specversion", SPECVERSION.encode()),
        ("ce_id", str(identity).encode()),
        ("ce_source", source.encode()),
        ("ce_type", kind.encode()),
        ("ce_time", moment.encode()),
        ("ce_subject", subject.encode()),
        (CONTENT_TYPE, b"application/json"),
    )


def subject_of(headers: Headers, body: bytes | None, key: bytes | None) -> str:
    """The best guess at the system of a record that cannot be read: its subject, else its key, else ``unknown``.

    Never raises; parses the body once at most, and not at all when it is over ``BODY_BYTES_MAX`` bytes.
    """
    for name, value in headers:
        if name == "ce_subject" and (subject := _name(value)):
            return subject
    return _name(_subject_in(body)) or _name(key) or UNKNOWN_SYSTEM


def _subject_in(body: bytes | None) -> object:
    if not body or len(body) > BODY_BYTES_MAX:
        return None
    try:
        # Partial mode, because a body that was cut off still begins with its subject.
        document = jiter.from_json(body, partial_mode=True)
    except ValueError:
        return None
    return document.get("subject") if isinstance(document, dict) else None


def _name(value: object) -> str | None:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) and len(value) <= NAME_BYTES_MAX else value
    return text if isinstance(text, str) and _NAME.fullmatch(text) else None
