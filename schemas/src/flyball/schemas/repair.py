"""A raw event that could not be read, made readable: who it says that it is, and the one form in which it is mended."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jiter
from pydantic_core import from_json

from flyball.schemas.envelope import ATTRIBUTE_PREFIX, ATTRIBUTES, Headers

IDENTIFIER_CHARACTERS_MAX = 128
SOURCE_CHARACTERS_MAX = 256


@dataclass(frozen=True, slots=True)
class EventIdentity:
    """What makes an event count once. None where the record does not say it, or not so that it could be counted."""

    source: str | None
    id: str | None


def identity_of(headers: Headers, body: bytes | None) -> EventIdentity:
    """As far as it can be read, from headers or body, also of a body that is cut off. Never raises."""
    found = {**_document(body), **_attributes(headers)}
    return EventIdentity(
        _bounded(found.get("source"), SOURCE_CHARACTERS_MAX), _bounded(found.get("id"), IDENTIFIER_CHARACTERS_MAX)
    )


def structured(headers: Headers, body: bytes | None) -> dict[str, Any] | None:
    """The record as one JSON object in structured mode, to be mended; None where its body is no JSON at all.

    Attributes among the headers come first, and the body is their ``data``.
    """
    try:
        document = from_json(body or b"", allow_inf_nan=False)
    except ValueError:
        return None
    attributes = _attributes(headers)
    if not attributes:
        return document if isinstance(document, dict) else None
    return {**attributes, "data": document}


def _attributes(headers: Headers) -> Mapping[str, str]:
    """Context attributes of binary mode; what is not UTF-8 is left out."""
    found: dict[str, str] = {}
    for name, value in headers:
        attribute = name.removeprefix(ATTRIBUTE_PREFIX)
        if name.startswith(ATTRIBUTE_PREFIX) and attribute in ATTRIBUTES and value is not None:
            try:
                found[attribute] = value.decode("utf-8")
            except UnicodeDecodeError:
                continue
    return found


def _document(body: bytes | None) -> Mapping[str, Any]:
    try:
        document = jiter.from_json(body or b"", partial_mode=True)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _bounded(value: object, characters_max: int) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= characters_max else None
