"""How one attribute is read: without personal data before it is cut, for half a number is no number any more."""

from functools import lru_cache
from typing import Any, Final

from telemetry_ingest.domain.otlp.rows import Attribute, Read, Row, Unusable, Value, settle
from telemetry_ingest.domain.otlp.values import SHORT, TEXT, agent_name, name, own_release, provider, release
from telemetry_ingest.masking.texts import Masked, masked

TEXTS: Final[frozenset[Read]] = frozenset({TEXT, SHORT, agent_name, name, own_release, provider, release})
"""Readers of texts that are kept. Ids are not looked at, as those of native events are not; numbers hold none."""
REMEMBERED_MAX: Final = 4_096
REMEMBERED_CHARACTERS_MAX: Final = 512


def read_attribute(attribute: Attribute, value: Value) -> tuple[Attribute, Any]:
    """What an attribute says, and the attribute with what was masked in it. Raises ``Unusable``."""
    if type(value) is str and attribute.read in TEXTS:
        found = shown(value)
        if found.kinds:
            value, kinds = found.text, {*attribute.masked, *found.kinds}
            attribute = attribute._replace(masked=tuple(sorted(kinds)))
    try:
        return attribute, attribute.read(value)
    except Unusable as error:
        raise Unusable(error.reason, f"attributes.{attribute.name}", error.detail) from None


def place(row: Row, ranks: list[int], attribute: Attribute, value: Value) -> None:
    """Put one attribute into its slot. Raises ``Unusable``."""
    settle(row, ranks, *read_attribute(attribute, value))


def shown(text: str) -> Masked:
    """``text`` without personal data. A fleet sends the same few texts again and again."""
    return _remembered(text) if len(text) <= REMEMBERED_CHARACTERS_MAX else masked(text)


@lru_cache(REMEMBERED_MAX)
def _remembered(text: str) -> Masked:
    return masked(text)
