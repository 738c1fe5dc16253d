"""Attributes in protobuf form, remembered by their bytes: a fleet sends the same few again and again."""

from collections.abc import Iterable
from typing import Any, Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from telemetry_ingest.domain.otlp.dialects import ATTRIBUTES, KEYS_MAX, meaning
from telemetry_ingest.domain.otlp.reading import read_attribute
from telemetry_ingest.domain.otlp.rows import NO_RANK, SLOT, Attribute, Row, Unusable, Value, settle
from telemetry_ingest.domain.otlp.values import IDENTIFIER

Known = tuple[int, int, Any]
"""Slot, rank and what was read; for a slot with labels, and where something was masked, ``LABELLED`` and the attribute
with what was read. Empty: nothing that is counted."""
IGNORED: Final[tuple[()]] = ()
LABELLED: Final = NO_RANK + 1
REMEMBERED_MAX: Final = 16_384
REMEMBERED_BYTES_MAX: Final = 256
PASSING: Final = frozenset(SLOT[name] for name in ("response_id", "session_id", "time_to_first_token_ms", "contents"))
"""Slots whose values hardly ever come again."""
COMPOSITE: Final = frozenset({"array_value", "kvlist_value", "bytes_value", "string_value_strindex"})
_KEY_TAG, _VALUE_TAG, _STRING_TAG = 0x0A, 0x12, 0x0A
_ONE_BYTE: Final = 0x80
_SHORT: Final = 0x7E
_HEAD_BYTES: Final = 4
_SHORT_HEADS: Final = tuple(bytes((_VALUE_TAG, size + 2, _STRING_TAG, size)) for size in range(_SHORT))
"""How a text of up to 125 bytes begins, by its size, written as everybody writes it."""


class Pairs(dict[bytes, Any]):
    """What attributes say, by their bytes, as ``Known``. It learns what it is asked, and remembers what may come again.

    One for each process and setting. Asking raises ``Unusable`` for an attribute that breaks the contract.
    """

    def __init__(self, *, keep_contents: bool) -> None:
        super().__init__()
        self._keep_contents = keep_contents
        self._meanings: dict[bytes, Attribute | None] = {}
        # Ids come with every span and never again: a short way for them, by the key and the head of a short text.
        self._passing = {
            bytes((_KEY_TAG, len(name))) + name.encode() + head: (found.slot, found.rank)
            for name, found in ATTRIBUTES.items()
            if found.read is IDENTIFIER
            for head in _SHORT_HEADS[1:]
        }

    def __missing__(self, pair: bytes) -> Known | tuple[()]:
        try:
            head_ends = pair[1] + 2 + _HEAD_BYTES
            passing = self._passing.get(pair[:head_ends])
            if passing is not None and len(pair) == head_ends + pair[head_ends - 1] and b"\0" not in pair:
                return passing[0], passing[1], str(pair[head_ends:], "utf-8")
        except (IndexError, UnicodeDecodeError):
            pass
        return self._learn(pair)

    def _learn(self, pair: bytes) -> Known | tuple[()]:
        attribute = self._meaning(key_of(pair))
        known = IGNORED if attribute is None else _known(attribute, pair)
        passing = attribute is not None and attribute.slot in PASSING
        if not passing and len(pair) <= REMEMBERED_BYTES_MAX:
            if len(self) >= REMEMBERED_MAX:
                self.clear()
            self[pair] = known
        return known

    def place_all(self, row: Row, ranks: list[int], pairs: Iterable[bytes]) -> None:
        """Put what ``pairs`` say into their slots. Raises ``Unusable``."""
        # Most of the time of reading a message is spent in these lines: the loop that they spare is in C.
        for slot, rank, found in filter(None, map(self.__getitem__, pairs)):
            if rank <= ranks[slot]:
                row[slot] = found
                ranks[slot] = rank
            elif rank == LABELLED:
                settle(row, ranks, *found)

    def _meaning(self, key: bytes) -> Attribute | None:
        try:
            return self._meanings[key]
        except KeyError:
            found = meaning(_text(key), keep_contents=self._keep_contents)
        if len(self._meanings) >= KEYS_MAX:
            self._meanings.clear()
        self._meanings[key] = found
        return found


def _known(attribute: Attribute, pair: bytes) -> Known | tuple[()]:
    told, value = value_of(pair)
    if not told:
        return IGNORED
    attribute, found = read_attribute(attribute, value)
    if found is None:
        return IGNORED
    if attribute.label is not None or attribute.masked:
        return attribute.slot, LABELLED, (attribute, found)
    return attribute.slot, attribute.rank, found


def key_of(pair: bytes) -> bytes:
    """The key of a ``KeyValue``, in UTF-8 as far as anybody knows."""
    if len(pair) > 1 and pair[0] == _KEY_TAG and pair[1] < _ONE_BYTE:
        return pair[2 : 2 + pair[1]]
    return parsed(pair).key.encode()


def value_of(pair: bytes) -> tuple[bool, Value]:
    """Whether the ``KeyValue`` has a value, and the value: None for a list, a map or bytes."""
    if len(pair) > 1 and pair[0] == _KEY_TAG and pair[1] < _ONE_BYTE:
        at = pair[1] + 2
        size = len(pair) - at - _HEAD_BYTES
        if 0 <= size < _SHORT and pair[at : at + _HEAD_BYTES] == _SHORT_HEADS[size]:
            return True, _text(pair[at + _HEAD_BYTES :])
    return _value_in(pair)


def _value_in(pair: bytes) -> tuple[bool, Value]:
    value = parsed(pair).value
    kind = value.WhichOneof("value")
    if kind is None:
        return False, None
    return True, None if kind in COMPOSITE else getattr(value, kind)


def parsed(pair: bytes) -> KeyValue:
    try:
        found: KeyValue = KeyValue.FromString(pair)
    except DecodeError as error:
        raise Unusable("not_protobuf", "attributes", str(error)) from None
    return found


def _text(raw: bytes) -> str:
    try:
        return str(raw, "utf-8")
    except UnicodeDecodeError as error:
        raise Unusable("not_utf8", "attributes", str(error)) from None
