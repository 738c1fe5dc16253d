"""One form of a JSON value, and one digest of it, for everything that is signed, chained or bound."""

from hashlib import sha256

import rfc8785
from pydantic import JsonValue


def canonical(value: JsonValue) -> bytes:
    """``value`` under the JSON Canonicalization Scheme (RFC 8785).

    Raises:
        ValueError: a number beyond 53 bits, or one that is not finite; write those as text.
    """
    try:
        return rfc8785.dumps(value)
    except rfc8785.CanonicalizationError as error:
        raise ValueError(f"not canonical JSON: {error}") from error


def digest_of(value: JsonValue) -> str:
    """SHA-256 of the canonical form, in hexadecimal."""
    return sha256(canonical(value)).hexdigest()
