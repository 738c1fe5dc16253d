"""Reads native events into plain structs, and proves on the bytes what msgspec lets pass: no key stands there twice.

msgspec takes the last of two equal keys. It refuses fields that no struct has, so if a text has no more keys than its
event has fields, each of them stands there once. What is not proven so, is parsed again by jiter, which looks for equal
keys; that takes as long as the reading, and hardly any record needs it.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final, get_args

import jiter
from msgspec import NODEFAULT, convert
from msgspec.json import Decoder
from msgspec.structs import astuple, fields
from pydantic_core import to_json

from flyball.schemas.base import DEFAULT_TENANT, NAME_PATTERN
from flyball.schemas.envelope import BODY_BYTES_MAX, Headers, attributes_of, is_structured, read_agent_event
from flyball.schemas.native import MILLION, RELEASE_PATTERN, AgentEvent
from flyball.schemas.plain import (
    Data,
    EvaluationRecorded,
    FeedbackGiven,
    OutcomeObserved,
    PlainEvent,
    PredictionMade,
)

NAMES_KNOWN_MAX: Final = 65_536
YEARS: Final = range(2, 9_999)
"""Those that are years in UTC too, whatever the time zone."""
TAB, LINE_FEED, CARRIAGE_RETURN, SPACE = b"\t\n\r "
"""As numbers, which bytes are searched for four times as fast."""
TABLES: Final = ("segment", "features", "probabilities")
"""Fields of the data that have keys of their own."""
ENVELOPE_KEYS: Final = 7
"""Those that each envelope has: specversion, id, source, type, subject, time and data."""

_decoded: Final[Callable[[bytes], PlainEvent]] = Decoder(PlainEvent).decode
_KINDS: Final[tuple[type[Any], ...]] = get_args(Data)
_FIELDS: Final[Mapping[type[Any], tuple[str, ...]]] = {
    kind: tuple(field.name for field in fields(kind)) for kind in _KINDS
}
_TABLES: Final[Mapping[type[Any], tuple[int, ...]]] = {
    kind: tuple(names.index(name) for name in TABLES if name in names) for kind, names in _FIELDS.items()
}
_DEFAULTS: Final[Mapping[type[Any], tuple[tuple[int, object], ...]]] = {
    kind: tuple(
        (place, field.default)
        for place, field in enumerate(fields(kind))
        if field.default is not NODEFAULT and field.default is not None
    )
    for kind in _KINDS
}
"""Those that are neither None nor an empty table, by the place of their field."""
_WITH_RELEASE: Final = frozenset(kind for kind, names in _FIELDS.items() if "release" in names)


def read_plain_event(headers: Headers, body: bytes | None, *, body_bytes_max: int = BODY_BYTES_MAX) -> PlainEvent:
    """What ``read_agent_event`` reads, as a plain struct, in a fifth of the time where it is in order.

    Raises:
        Unreadable: the record breaks the contract; nothing else is ever raised, whatever the bytes.
    """
    event = None
    if body and len(body) <= body_bytes_max:
        event = read_binary(headers, body) if headers and not is_structured(headers) else read_structured(body)
    return event or plain_of(read_agent_event(headers, body, body_bytes_max=body_bytes_max))


def plain_of(event: AgentEvent) -> PlainEvent:
    """A model as a plain struct."""
    said: PlainEvent = convert(event.model_dump(exclude_unset=True), PlainEvent)
    return _completed(said)


def read_structured(body: bytes) -> PlainEvent | None:
    """The event whose whole envelope is ``body``; None if that takes a closer look. Never raises."""
    try:
        event = _decoded(body)
    except (ValueError, RecursionError):
        return None
    keys = ENVELOPE_KEYS + _keys_of(event.data)
    if event.tenant:
        keys += 1
    if event.datacontenttype is not None:
        keys += 1
    in_order = (_has_no_other_keys(body, keys) or _has_unique_keys(body)) and _says_what_it_must(event)
    return _completed(event) if in_order else None


def read_binary(headers: Headers, body: bytes) -> PlainEvent | None:
    """The event whose data is ``body``; None if that takes a closer look. Raises ``Unreadable`` for headers."""
    try:
        # A body that is more than one value would have to bring keys of the envelope along, which the data has not.
        event = _decoded(b'{"data":' + body + b"," + to_json(attributes_of(headers))[1:])
    except (ValueError, RecursionError):
        return None
    has_each_once = _has_no_other_keys(body, _keys_of(event.data)) or _has_unique_keys(body)
    return _completed(event) if has_each_once and _says_what_it_must(event) else None


def _completed(event: PlainEvent) -> PlainEvent:
    """With what nobody said."""
    if not event.tenant:
        event.tenant = DEFAULT_TENANT
    return event


def _keys_of(data: Data) -> int:
    """How many keys were said, or fewer: None, an empty table and a default count as what nobody said."""
    values = astuple(data)
    keys = len(values) - values.count(None)
    for place in _TABLES[type(data)]:
        table = values[place]
        if table is not None:
            keys += len(table) or -1
    for place, default in _DEFAULTS[type(data)]:
        if values[place] == default:
            keys -= 1
    return keys


def _has_no_other_keys(body: bytes, keys: int) -> bool:
    """Has ``body``, which is valid JSON and has ``keys`` different ones at least, no more than these?

    A colon follows each key, at once unless there is space between. So where no quote is followed by space, there is
    a quote with a colon for each key, and perhaps more of them within texts.
    """
    if body.count(b'":') != keys or TAB in body or LINE_FEED in body or CARRIAGE_RETURN in body:
        return False
    return SPACE not in body or b'" ' not in body


def _has_unique_keys(body: bytes) -> bool:
    try:
        jiter.from_json(body, catch_duplicate_keys=True)
    except ValueError:
        return False
    return True


def _says_what_it_must(event: PlainEvent) -> bool:
    """Are the names well-formed, is the time one in UTC as well, and does the data say something?"""
    data: Any = event.data
    kind = type(data)
    if not (_is_name(event.subject) and _is_name(event.tenant or DEFAULT_TENANT) and event.time.year in YEARS):
        return False
    if kind in _WITH_RELEASE and data.release is not None and not _is_release(data.release):
        return False
    says_enough = _SAYS_ENOUGH.get(kind)
    return says_enough is None or says_enough(data)


@lru_cache(NAMES_KNOWN_MAX)
def _is_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None


@lru_cache(NAMES_KNOWN_MAX)
def _is_release(text: str) -> bool:
    return _RELEASE.fullmatch(text) is not None


_NAME, _RELEASE = re.compile(NAME_PATTERN), re.compile(RELEASE_PATTERN)


def _evaluation(data: EvaluationRecorded) -> bool:
    return (data.score is not None or data.passed is not None) and data.sampling_rate * MILLION >= 1


def _prediction(data: PredictionMade) -> bool:
    return data.predicted_class is not None or data.predicted_value is not None


def _outcome(data: OutcomeObserved) -> bool:
    says = data.true_class is not None or data.true_value is not None or data.success is not None
    return says and (data.prediction_id is None) != (data.interaction_id is None)


def _feedback(data: FeedbackGiven) -> bool:
    return data.rating is not None or data.thumb is not None or data.complaint


_SAYS_ENOUGH: Final[Mapping[type[Any], Callable[[Any], bool]]] = {
    EvaluationRecorded: _evaluation,
    PredictionMade: _prediction,
    OutcomeObserved: _outcome,
    FeedbackGiven: _feedback,
}
