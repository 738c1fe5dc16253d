"""What the events of a span add to it: an exception, its first token, evaluations."""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from telemetry_ingest.domain.otlp import evaluations
from telemetry_ingest.domain.otlp.dialects import FIRST_TOKEN_EVENTS
from telemetry_ingest.domain.otlp.evaluations import Where, evaluation_of
from telemetry_ingest.domain.otlp.facts import SpanFacts
from telemetry_ingest.domain.otlp.reading import read_attribute
from telemetry_ingest.domain.otlp.rows import (
    ERROR_WITHOUT_TYPE,
    NO_RANK,
    SLOT,
    Attribute,
    Row,
    Value,
    finish,
    note_masked,
)
from telemetry_ingest.domain.otlp.values import SHORT

EXCEPTION: Final = "exception"
EXCEPTION_TYPE: Final = Attribute("exception.type", SLOT["error"], NO_RANK, SHORT)
LOOKED_AT: Final = FIRST_TOKEN_EVENTS | {EXCEPTION, evaluations.EVENT}
"""Names of events that say something; the others need not be read."""
MILLISECOND_NS: Final = 1_000_000
_FIRST_TOKEN: Final = SLOT["time_to_first_token_ms"]
_START: Final = SLOT["start_ns"]


class EventTold(NamedTuple):
    name: str
    time_ns: int
    attributes: Mapping[str, Value]


def finish_with_events(row: Row, status: int, events: Iterable[EventTold], where: Where) -> SpanFacts:
    """The span of ``row`` with what its events say. Raises ``Unusable``."""
    exception: str | None = None
    judged: list[EventTold] = []
    for event in events:
        if event.name == EXCEPTION:
            exception = exception or _type_of(event, row)
        elif event.name == evaluations.EVENT:
            judged.append(event)
        elif row[_FIRST_TOKEN] is None and event.time_ns >= row[_START]:
            row[_FIRST_TOKEN] = (event.time_ns - row[_START]) / MILLISECOND_NS
    facts = finish(row, status, exception)
    if not judged:
        return facts
    told = tuple(evaluation_of(one.attributes, where._replace(time_ns=one.time_ns), facts) for one in judged)
    return facts._replace(evaluations=told)


def _type_of(event: EventTold, row: Row) -> str:
    told = event.attributes.get(EXCEPTION_TYPE.name)
    if told is None:
        return ERROR_WITHOUT_TYPE
    attribute, found = read_attribute(EXCEPTION_TYPE, told)
    note_masked(row, attribute)
    return found or ERROR_WITHOUT_TYPE
