"""Proves that a record which pydantic has read is in order in all that pydantic lets pass, without parsing it again.

pydantic takes the last of two equal keys, ignores keys that no model has, and reads a number in a string as a time. If
a text has no more keys than the event has fields, then each field stands there once, and nothing else does.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, get_args

from pydantic import TypeAdapter

from flyball.schemas.native import AgentEvent

_validated: Final[Callable[[bytes], AgentEvent]] = TypeAdapter[AgentEvent](AgentEvent).validator.validate_json
TIME: Final = b'"time":'
YEAR: Final = 4
MEDIA_TYPES: Final = (b',"datacontenttype":"application/json"', b', "datacontenttype": "application/json"')
TAB, LINE_FEED, CARRIAGE_RETURN, SPACE, DASH = b"\t\n\r -"
"""As numbers, which bytes are searched for four times as fast."""
OBJECTS: Final = ("segment", "features", "probabilities")
"""Fields of the data that have keys of their own."""
_OBJECTS_OF: Final[Mapping[type[Any], tuple[str, ...]]] = {
    data: tuple(name for name in OBJECTS if name in data.model_fields)
    for event in get_args(get_args(AgentEvent)[0])
    for data in (event.model_fields["data"].annotation,)
}


def read_structured(body: bytes) -> AgentEvent | None:
    """The event whose whole envelope is ``body``; None if that takes a closer look. Never raises."""
    try:
        event = _validated(body)
    except ValueError:
        return None
    keys = len(event.__pydantic_fields_set__) + _keys_of(event.data)
    in_order = _has_no_other_keys(body, keys) or _has_no_other_keys(body, keys + _known_beside(body))
    return event if in_order and _time_is_a_date(body) else None


def read_binary(attributes: bytes, time: str, body: bytes) -> AgentEvent | None:
    """The event with these context attributes, as a JSON object, one of which is ``time``; ``body`` is its data."""
    try:
        # A body that is more than one value would have to bring keys of the envelope along, which the data has not.
        event = _validated(b'{"data":' + body + b"," + attributes[1:])
    except ValueError:
        return None
    return event if _has_no_other_keys(body, _keys_of(event.data)) and time[YEAR : YEAR + 1] == "-" else None


def _keys_of(data: Any) -> int:
    keys = len(data.__pydantic_fields_set__)
    fields = data.__dict__
    for name in _OBJECTS_OF[type(data)]:
        if members := fields[name]:
            keys += len(members)
    return keys


def _has_no_other_keys(body: bytes, keys: int) -> bool:
    """Has ``body``, which is valid JSON and has ``keys`` different ones, no more than these?

    A colon follows each key, at once unless there is space between. So where no quote is followed by space, there is
    a quote with a colon for each key, and perhaps more of them within texts.
    """
    if body.count(b'":') != keys or TAB in body or LINE_FEED in body or CARRIAGE_RETURN in body:
        return False
    return SPACE not in body or b'" ' not in body


def _known_beside(body: bytes) -> int:
    """How many keys has the envelope that our models have not, and that are in order for sure? One at most."""
    nested = body.find(b"{", 1)
    return any(0 <= body.find(text) < nested for text in MEDIA_TYPES)


def _time_is_a_date(body: bytes) -> bool:
    """Has the time of the envelope, if it stands before all else that has keys, a dash after the year?"""
    at = body.find(TIME)
    if not 0 <= at < body.find(b"{", 1):
        return False
    at += len(TIME)
    at += 1 + YEAR + (body[at] == SPACE)
    return body[at] == DASH
