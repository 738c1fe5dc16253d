"""A trace as bytes: of each span a row of what it says, so that one takes a few hundred."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic_core import from_json, to_json

from telemetry_ingest.domain.otlp.facts import NOTHING, EvaluationFacts, Masked, OutcomeFacts, SpanFacts
from telemetry_ingest.domain.otlp.traces import Home, Told, Trace

PLACE: Final = {name: place for place, name in enumerate(SpanFacts._fields)}
NOT_KEPT: Final = tuple(
    PLACE[name] for name in ("trace_id", "name", "operation", "agent_id", "response_id", "contents")
)
"""Nothing that is told rests on these; contents must not be stored at all."""
UNTOLD: Final = tuple(SpanFacts._field_defaults.get(name) for name in SpanFacts._fields)
TRACE_ID, NAME, CONTENTS = PLACE["trace_id"], PLACE["name"], PLACE["contents"]
SEGMENT, OUTCOME, EVALUATIONS, MASKED = PLACE["segment"], PLACE["outcome"], PLACE["evaluations"], PLACE["masked"]
SPAN_ID_DIGITS: Final = 16


def to_bytes(trace: Trace) -> bytes:
    """Everything of a trace but its id, its home and its answers, by which it is found."""
    return to_json(
        {
            "f": trace.first_ms,
            "l": trace.last_ms,
            "b": trace.bytes,
            "s": [_row(span) for span in trace.spans.values()],
            "e": trace.evaluations,
            "n": "".join(sorted(trace.seen)),
            "t": trace.told,
            "g": "".join(sorted(trace.gaps)),
            "y": trace.systems,
            "w": trace.awaits,
        },
        # Labels that nobody may change are no dictionary to the serialiser.
        fallback=dict,
    )


def from_bytes(trace_id: str, home: Home, body: bytes, responses: Iterable[int]) -> Trace:
    """What ``to_bytes`` made of it."""
    said = from_json(body)
    spans = [_span(trace_id, row) for row in said["s"]]
    told = None if said["t"] is None else Told(*said["t"])
    return Trace(
        trace_id,
        home,
        said["f"],
        said["l"],
        {span.span_id: span for span in spans},
        [_evaluation(row) for row in said["e"]],
        _span_ids(said["n"]),
        told,
        said["b"],
        # A release before had none of these.
        _span_ids(said.get("g", "")),
        tuple(said.get("y", () if told is None else (f"{told.tenant}/{told.system}",))),
        set(responses),
        said.get("w"),
    )


def _span_ids(joined: str) -> set[str]:
    return {joined[start : start + SPAN_ID_DIGITS] for start in range(0, len(joined), SPAN_ID_DIGITS)}


def _row(span: SpanFacts) -> list[Any]:
    """All fields in their order: by name they would take three times as long, to be written and to be read."""
    row = list(span)
    for place in NOT_KEPT:
        row[place] = None
    if not span.segment:
        row[SEGMENT] = None
    return row


def _span(trace_id: str, row: list[Any] | Mapping[str, Any]) -> SpanFacts:
    if isinstance(row, Mapping):
        # As a release before wrote it.
        row = [row.get(str(place), untold) for place, untold in enumerate(UNTOLD)]
    row[TRACE_ID], row[NAME], row[CONTENTS] = trace_id, "", NOTHING
    row[SEGMENT] = row[SEGMENT] or NOTHING
    if row[OUTCOME] is not None:
        row[OUTCOME] = OutcomeFacts(*row[OUTCOME])
    if row[EVALUATIONS]:
        row[EVALUATIONS] = map(_evaluation, row[EVALUATIONS])
    row[EVALUATIONS], row[MASKED] = tuple(row[EVALUATIONS]), _pairs(row[MASKED])
    return tuple.__new__(SpanFacts, row)


def _evaluation(row: Iterable[Any]) -> EvaluationFacts:
    read = EvaluationFacts(*row)
    return read._replace(masked=_pairs(read.masked))


def _pairs(rows: Iterable[Iterable[str]]) -> Masked:
    return tuple((attribute, kind) for attribute, kind in rows)
