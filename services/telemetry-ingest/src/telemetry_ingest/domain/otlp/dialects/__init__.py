"""What attribute names mean, dialect by dialect. Of two names that say the same, the one that stands first wins."""

from collections.abc import Mapping, Sequence
from typing import Final

from telemetry_ingest.domain.otlp.dialects import flyball, gen_ai, gen_ai_system, openinference, openllmetry, vercel
from telemetry_ingest.domain.otlp.rows import SLOT, Attribute, Read
from telemetry_ingest.domain.otlp.values import CONTENT, SHORT_CHARACTERS_MAX, TEXT
from telemetry_ingest.masking.texts import masked

DIALECTS: Final = (flyball, gen_ai, gen_ai_system, openinference, openllmetry, vercel)
"""Our own first: whoever sets it means it. Then the standard, then what came before and beside it."""
SEGMENT: Final = "flyball.segment."
KEYS_MAX: Final = 4_096
"""Attribute names whose meaning is remembered; the names that a fleet uses are far fewer."""
FIRST_TOKEN_EVENTS: Final = frozenset(name for dialect in DIALECTS for name in dialect.FIRST_TOKEN_EVENTS)

Rows = Sequence[tuple[str, str, Read]]


def _attributes() -> dict[str, Attribute]:
    rows = [row for dialect in DIALECTS for row in dialect.ATTRIBUTES]
    return {name: Attribute(name, SLOT[slot], rank, read) for rank, (name, slot, read) in enumerate(rows)}


def _labelled() -> dict[str, Attribute]:
    return {name: Attribute(name, SLOT["outcome"], 0, read, label) for name, label, read in flyball.OUTCOME}


ATTRIBUTES: Final[Mapping[str, Attribute]] = _attributes() | _labelled()
CONTENTS: Final[Mapping[str, Attribute]] = {
    name: Attribute(name, SLOT["contents"], 0, CONTENT, name) for dialect in DIALECTS for name in dialect.CONTENTS
}


def meaning(name: str, *, keep_contents: bool) -> Attribute | None:
    """What an attribute of this name says; None: nothing that is counted."""
    known = ATTRIBUTES.get(name) or (CONTENTS.get(name) if keep_contents else None)
    label = name[len(SEGMENT) :]
    if known is None and name.startswith(SEGMENT) and 0 < len(label) <= SHORT_CHARACTERS_MAX:
        found = masked(label)
        label = found.text[:SHORT_CHARACTERS_MAX]
        return Attribute(SEGMENT + label, SLOT["segment"], 0, TEXT, label, found.kinds)
    return known
