"""How bytes of unknown nature are shown: as text where they are UTF-8, else as base64."""

import codecs
from base64 import b64encode

EXCERPT_CHARACTERS_MAX = 2_000
EXCERPT_BYTES_MAX = 4 * EXCERPT_CHARACTERS_MAX
"""UTF-8 takes four bytes for a character at most."""


def shown(name: str, value: bytes | None) -> dict[str, str | None]:
    """The whole value as ``{name}_text`` or ``{name}_base64``."""
    if value is None:
        return {f"{name}_text": None}
    try:
        return {f"{name}_text": value.decode("utf-8")}
    except UnicodeDecodeError:
        return {f"{name}_base64": b64encode(value).decode()}


def excerpt(name: str, head: bytes | None, whole_bytes: int) -> dict[str, str | None]:
    """The first 2,000 characters of a value of which ``head`` is the beginning."""
    if head is None:
        return {f"{name}_text": None}
    try:
        # A character that is cut at the end of the head is left out, not an error.
        text = codecs.getincrementaldecoder("utf-8")().decode(head, final=len(head) == whole_bytes)
    except UnicodeDecodeError:
        return {f"{name}_base64": b64encode(head[:EXCERPT_CHARACTERS_MAX]).decode()}
    return {f"{name}_text": text[:EXCERPT_CHARACTERS_MAX]}
