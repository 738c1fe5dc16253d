"""Attributes in protobuf form, remembered by their bytes: a fleet sends the same few again and again."""

from typing import Any, Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from telemetry_ingest.domain.otlp.dialects import KEYS_MAX, meaning
from telemetry_ingest.domain.otlp.rows import SLOT, Attribute, Row, Unusable, Value, settle

Known = tuple[int, int, Any, Attribute | None]
"""Slot, rank, what was read, and the attribute if its slot holds labels. Empty: nothing that is counted."""
IGNORED: Final[tuple[()]] = ()
REMEMBERED_MAX: Final = 16_384
REMEMBERED_BYTES_MAX: Final = 256
PASSING: Final = frozenset(SLOT[name] for name in ("response_id", "session_id", "time_to_first_token_ms", "contents"))
"""Slots whose values hardly ever come again."""
COMPOSITE: Final = frozenset({"array_value", "kvlist_value", "bytes_value", "string_value_strindex"})
_KEY_TAG, _VALUE_TAG, _STRING_TAG = 0x0A, 0x12, 0x0A
_ONE_BYTE: Final = 0x80
_SHORT: Final = 0x7E


class PairReader:
    """Reads attributes. One for each process and setting: what it remembers is bounded."""

    def __init__(self, *, keep_contents: bool) -> None:
        self._keep_contents = keep_contents
        self._meanings: dict[bytes, Attribute | None] = {}
        self.remembered: dict[bytes, Known | tuple[()]] = {}

    def place_all(self, row: Row, ranks: list[int], pairs: list[bytes]) -> None:
        """Put what ``pairs`` say into their slots. Raises ``Unusable``."""
        recall = self.remembered.get
        for pair in pairs:
            known = recall(pair)
            if known is None:
                known = self._learn(pair)
            if known:
                slot, rank, found, labelled = known
                if labelled is not None:
                    settle(row, ranks, labelled, found)
                elif rank <= ranks[slot]:
                    row[slot] = found
                    ranks[slot] = rank

    def _learn(self, pair: bytes) -> Known | tuple[()]:
        attribute = self._meaning(pair)
        known = IGNORED if attribute is None else _known(attribute, pair)
        passing = attribute is not None and attribute.slot in PASSING
        if not passing and len(pair) <= REMEMBERED_BYTES_MAX:
            if len(self.remembered) >= REMEMBERED_MAX:
                self.remembered.clear()
            self.remembered[pair] = known
        return known

    def _meaning(self, pair: bytes) -> Attribute | None:
        key = key_of(pair)
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
    try:
        found = attribute.read(value)
    except Unusable as error:
        raise Unusable(error.reason, f"attributes.{attribute.name}", error.detail) from None
    return (attribute.slot, attribute.rank, found, attribute if attribute.label else None) if found is not None else ()


def key_of(pair: bytes) -> bytes:
    """The key of a ``KeyValue``, in UTF-8 as far as anybody knows."""
    if len(pair) > 1 and pair[0] == _KEY_TAG and pair[1] < _ONE_BYTE:
        return pair[2 : 2 + pair[1]]
    return parsed(pair).key.encode()


def value_of(pair: bytes) -> tuple[bool, Value]:
    """Whether the ``KeyValue`` has a value, and the value: None for a list, a map or bytes."""
    size = len(pair)
    if size > 1 and pair[0] == _KEY_TAG and pair[1] < _ONE_BYTE:
        at = pair[1] + 2
        left = size - at - 4
        # A short text, written as everybody writes it; anything else takes the long way.
        if 0 <= left < _SHORT and pair[at : at + 4] == bytes((_VALUE_TAG, left + 2, _STRING_TAG, left)):
            return True, _text(pair[at + 4 :])
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
