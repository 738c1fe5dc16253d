"""Values of OTLP in JSON form. Senders write ids in hex or base64, whole numbers as texts, enums by name or number."""

import binascii
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from typing import Any, Final

from telemetry_ingest.domain.otlp.rows import Unusable, Value

UINT64_MAX: Final = 2**64 - 1
DIGITS_MAX: Final = 20
STATUS_CODES: Final = {"STATUS_CODE_UNSET": 0, "STATUS_CODE_OK": 1, "STATUS_CODE_ERROR": 2, 0: 0, 1: 1, 2: 2}
SPECIAL_DOUBLES: Final = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
COMPOSITE: Final = frozenset({"arrayValue", "kvlistValue", "bytesValue"})


def identity(value: object, size: int, field: str) -> bytes:
    """An id of ``size`` bytes, in hex of any case as OTLP says, or in base64 as protobuf's own JSON has it."""
    if value is None or value == "":
        return b""
    if not isinstance(value, str):
        raise _wrong(field, "an id in hex", value)
    try:
        if len(value) == 2 * size:
            return bytes.fromhex(value)
        bare = value[: 2 * size].rstrip("=").replace("+", "-").replace("/", "_")
        found = urlsafe_b64decode(bare + "=" * (-len(bare) % 4))
    except (ValueError, binascii.Error):
        raise _wrong(field, f"{size} bytes in hex or base64", value) from None
    if len(found) != size or len(value) > 2 * size:
        raise _wrong(field, f"{size} bytes in hex or base64", value)
    return found


def uint64(value: object, field: str) -> int:
    """A whole number from 0, as a text or a number; 0 where there is none."""
    found = 0 if value is None else whole_number(value, field)
    if not 0 <= found <= UINT64_MAX:
        raise _wrong(field, "a whole number of 64 bits from 0", value)
    return found


def whole_number(value: object, field: str) -> int:
    if isinstance(value, str) and 0 < len(value) <= DIGITS_MAX and value.lstrip("-").isdecimal():
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= UINT64_MAX:
        return value
    raise _wrong(field, "a whole number", value)


def status_code(status: object) -> int:
    if status is None:
        return 0
    code = as_object(status, "status").get("code", 0)
    if not isinstance(code, str | int) or code not in STATUS_CODES:
        raise _wrong("status.code", "0, 1, 2 or the name of one", code)
    return STATUS_CODES[code]


def pair(attribute: object) -> tuple[str, bool, Value]:
    """Key, whether it has a value, and the value: None for a list, a map or bytes."""
    told = as_object(attribute, "attributes")
    key = told.get("key")
    if not isinstance(key, str):
        raise _wrong("attributes.key", "a text", key)
    value = told.get("value")
    return (key, False, None) if value is None else (key, *_any_value(key, as_object(value, f"attributes.{key}")))


def _any_value(key: str, value: Mapping[str, Any]) -> tuple[bool, Value]:
    for kind, told in value.items():
        if told is None:
            continue
        if kind in COMPOSITE:
            return True, None
        found = _scalar(kind, told)
        if found is None:
            raise _wrong(f"attributes.{key}", f"a {kind}", told)
        return True, found
    return False, None


def _scalar(kind: str, told: Any) -> Value:
    """None for what does not fit its kind."""
    if kind == "intValue":
        return whole_number(told, "attributes.intValue")
    if kind == "doubleValue":
        told = SPECIAL_DOUBLES.get(told) if isinstance(told, str) else told
        return told if isinstance(told, int | float) and not isinstance(told, bool) else None
    if (kind == "stringValue" and isinstance(told, str)) or (kind == "boolValue" and isinstance(told, bool)):
        return told
    return None


def as_object(value: object, field: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _wrong(field, "an object", value)
    return value


def as_list(value: object, field: str) -> list[Any]:
    """``value``; none where there is nothing."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise _wrong(field, "a list", value)
    return value


def as_text(value: object, field: str) -> str:
    """``value``; empty where there is nothing."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _wrong(field, "a text", value)
    return value


def _wrong(field: str, expected: str, value: object) -> Unusable:
    return Unusable("invalid_field", field, f"expected {expected}, got a {type(value).__name__} that is none")
