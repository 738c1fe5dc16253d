"""Masks whole records as they arrived: bodies that may be no JSON, or no text at all.

The id and the source of an event stay, for a repaired record must be the same event.
"""

import json
import re
from collections.abc import Iterator

from telemetry_ingest.masking.texts import masked

LITERAL = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\Z)', re.DOTALL)
"""Possessive, so that a string of megabytes takes no memory to match."""
GROWTH_BYTES_MAX = 65_536
"""A mask may be longer than what it stands for, but records have a limit."""
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
"""No text has these, and every protobuf message does."""
IDENTITY = frozenset({'"id"', '"source"'})
NUMBER_BETWEEN = re.compile(r"(?<=[\[:,\s-])[0-9.eE+-]+(?=\s*[,}\]])")
IDENTIFIED_BY = frozenset({"ce_id", "ce_source"})

Kinds = set[str]
Headers = tuple[tuple[str, bytes | None], ...]


def masked_body(body: bytes, kinds: Kinds) -> bytes:
    """``body`` without personal data; what was found is added to ``kinds``.

    What is no text keeps its length: it may be a format that counts its bytes.
    """
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return _masked_text(body.decode("latin-1"), kinds, keeps_length=True).encode("latin-1")
    if CONTROL.search(text):
        return _masked_text(text, kinds, keeps_length=True).encode()
    is_json = text.lstrip()[:1] in ("{", "[")
    shown = ("".join(_masked_json(text, kinds)) if is_json else _masked_text(text, kinds)).encode()
    if len(shown) > len(body) + GROWTH_BYTES_MAX:
        return _masked_text(text, kinds, keeps_length=True).encode()
    return shown


def masked_headers(headers: Headers, kinds: Kinds) -> Headers:
    return tuple(
        (name, value if value is None or name in IDENTIFIED_BY else masked_body(value, kinds))
        for name, value in headers
    )


def _masked_text(text: str, kinds: Kinds, *, keeps_length: bool = False) -> str:
    found = masked(text, keeps_length=keeps_length)
    kinds.update(found.kinds)
    return found.text


def _masked_json(text: str, kinds: Kinds) -> Iterator[str]:
    """String by string, so that escapes hide nothing and numbers stay numbers. It need not be whole."""
    done = depth = 0
    name = ""
    for literal in LITERAL.finditer(text):
        between = text[done : literal.start()]
        depth += sum(map(between.count, "{[")) - sum(map(between.count, "}]"))
        yield _between(between, kinds)
        identifies = depth == 1 and name in IDENTITY and between.strip() == ":"
        yield literal[0] if identifies else _literal(literal[0], kinds)
        name, done = literal[0], literal.end()
    yield _between(text[done:], kinds)


def _literal(literal: str, kinds: Kinds) -> str:
    if "\\" not in literal:
        return _masked_text(literal, kinds)
    try:
        whole: str = json.loads(literal, strict=False)
    except ValueError:
        return _masked_text(literal, kinds)
    without = _masked_text(whole, kinds)
    return literal if without == whole else json.dumps(without, ensure_ascii=False)


def _between(text: str, kinds: Kinds) -> str:
    """What stands between strings: numbers of the document, and in a broken one perhaps anything."""
    done, parts = 0, []
    for number in NUMBER_BETWEEN.finditer(text):
        parts += [_masked_text(text[done : number.start()], kinds), number[0]]
        done = number.end()
    return "".join([*parts, _masked_text(text[done:], kinds)])
