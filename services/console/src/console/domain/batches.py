"""Cuts a request body into events without touching their bytes: what an agent sent is what ingest judges."""

import json
import re
from collections.abc import Iterator
from typing import Final

from pydantic_core import from_json

from flyball.schemas.base import DEFAULT_TENANT
from flyball.schemas.envelope import BODY_BYTES_MAX, subject_of

NDJSON_TYPES: Final = frozenset({"application/x-ndjson", "application/ndjson", "application/jsonl"})
_BLANK = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()


class BatchError(Exception):
    """A body that cannot be cut into events; says what to send instead."""


def events_in(body: bytes, media_type: str) -> Iterator[bytes]:
    """Each event of a JSON object, a JSON array or newline-delimited JSON.

    Lines are not parsed: what is wrong in one of them is for telemetry-ingest to reject, with the rest unharmed.

    Raises:
        BatchError: an array that is not valid JSON, so that nobody can say where its events end.
    """
    if media_type not in NDJSON_TYPES and body.lstrip()[:1] == b"[":
        return _members(body)
    if media_type not in NDJSON_TYPES and _is_one_value(body):
        return iter([body])
    return (line.strip() for line in body.split(b"\n") if line.strip())


def key_of(event: bytes) -> bytes:
    """The Kafka key: the event's subject, or ``unknown`` where none can be read."""
    # Of a longer event the beginning will do; subject_of reads what is cut off as far as it goes.
    return subject_of((), event[:BODY_BYTES_MAX], None).encode()


def tenant_of(event: bytes) -> str | None:
    """The tenant that the whole event names, whatever its length; None where it cannot be read, and so counts nowhere.

    Read by the parser that telemetry-ingest has: another one might take for unreadable what that one counts.
    """
    try:
        document = from_json(event)
    except ValueError:
        return None
    return str(document.get("tenant", DEFAULT_TENANT)) if isinstance(document, dict) else None


def _is_one_value(body: bytes) -> bool:
    try:
        text = body.decode("utf-8")
        _, end = _DECODER.raw_decode(text, _blank_end(text, 0))
    except (ValueError, RecursionError):
        return False
    return _blank_end(text, end) == len(text)


def _members(body: bytes) -> Iterator[bytes]:
    try:
        text = body.decode("utf-8")
        at = _blank_end(text, _blank_end(text, 0) + 1)
        separator = ","
        if text[at : at + 1] == "]":
            at, separator = _blank_end(text, at + 1), "]"
        while separator == ",":
            _, end = _DECODER.raw_decode(text, at)
            yield text[at:end].encode()
            at = _blank_end(text, end)
            separator = text[at : at + 1]
            at = _blank_end(text, at + 1)
    except UnicodeDecodeError as error:
        raise BatchError(f"the array is not UTF-8: {error.reason} at byte {error.start}") from error
    except RecursionError as error:
        raise BatchError("an event of the array is nested too deeply") from error
    except json.JSONDecodeError as error:
        raise BatchError(f"the array is not JSON: {error.msg} at character {error.pos}") from error
    if separator != "]" or at != len(text):
        raise BatchError(f"the array is not JSON: expected ',' or ']' and nothing after it, at character {at}")


def _blank_end(text: str, start: int) -> int:
    found = _BLANK.match(text, start)
    return found.end() if found else start
