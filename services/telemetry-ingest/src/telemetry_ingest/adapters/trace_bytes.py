"""A trace as bytes: of each span only what it says, so that one takes a few hundred."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic_core import from_json, to_json

from telemetry_ingest.domain.otlp.facts import EvaluationFacts, Masked, OutcomeFacts, SpanFacts
from telemetry_ingest.domain.otlp.traces import Home, Told, Trace

NOT_KEPT: Final = frozenset({"trace_id", "name", "operation", "agent_id", "response_id", "sample_rate", "contents"})
"""Nothing that is told rests on these; contents must not be stored at all."""
SPAN_FIELDS: Final = tuple(
    (place, str(place), name, SpanFacts._field_defaults.get(name))
    for place, name in enumerate(SpanFacts._fields)
    if name not in NOT_KEPT
)
SPAN_ID_DIGITS: Final = 16
NAMES: Final = {key: name for _, key, name, _ in SPAN_FIELDS}


def to_bytes(trace: Trace) -> bytes:
    """Everything of a trace but its id and its home."""
    return to_json(
        {
            "f": trace.first_ms,
            "l": trace.last_ms,
            "b": trace.bytes,
            "s": [_span(span) for span in trace.spans.values()],
            "e": [_plain(one) for one in trace.evaluations],
            "n": "".join(sorted(trace.seen)),
            "t": trace.told,
            "g": "".join(sorted(trace.gaps)),
            "y": trace.systems,
        }
    )


def from_bytes(trace_id: str, home: Home, body: bytes) -> Trace:
    """What ``to_bytes`` made of it."""
    said = from_json(body)
    spans = (_read_span(trace_id, row) for row in said["s"])
    told = None if said["t"] is None else Told(*said["t"])
    return Trace(
        trace_id,
        home,
        said["f"],
        said["l"],
        {span.span_id: span for span in spans},
        [_read_evaluation(row) for row in said["e"]],
        _span_ids(said["n"]),
        told,
        said["b"],
        # A release before had neither.
        _span_ids(said.get("g", "")),
        tuple(said.get("y", () if told is None else (f"{told.tenant}/{told.system}",))),
    )


def _span_ids(joined: str) -> set[str]:
    return {joined[start : start + SPAN_ID_DIGITS] for start in range(0, len(joined), SPAN_ID_DIGITS)}


def _span(span: SpanFacts) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for place, key, _, default in SPAN_FIELDS:
        value = span[place]
        if value is not default and value != default:
            row[key] = value
    if span.segment:
        row[SEGMENT] = dict(span.segment)
    if span.evaluations:
        row[EVALUATIONS] = [_plain(one) for one in span.evaluations]
    return row


def _read_span(trace_id: str, row: Mapping[str, Any]) -> SpanFacts:
    fields = {NAMES[key]: value for key, value in row.items()}
    if "outcome" in fields:
        fields["outcome"] = OutcomeFacts(*fields["outcome"])
    if "evaluations" in fields:
        fields["evaluations"] = tuple(_read_evaluation(one) for one in fields["evaluations"])
    if "masked" in fields:
        fields["masked"] = _pairs(fields["masked"])
    return SpanFacts(trace_id=trace_id, name="", **fields)


def _plain(evaluation: EvaluationFacts) -> Iterable[Any]:
    return tuple(evaluation._replace(segment=dict(evaluation.segment)))


def _read_evaluation(row: Iterable[Any]) -> EvaluationFacts:
    read = EvaluationFacts(*row)
    return read._replace(masked=_pairs(read.masked))


def _pairs(rows: Iterable[Iterable[str]]) -> Masked:
    return tuple((attribute, kind) for attribute, kind in rows)


SEGMENT: Final = str(SpanFacts._fields.index("segment"))
EVALUATIONS: Final = str(SpanFacts._fields.index("evaluations"))
