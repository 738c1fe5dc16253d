"""Evaluation results, as ``gen_ai.evaluation.result`` tells them in a log event or an event of a span."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from telemetry_ingest.domain.otlp.facts import EvaluationFacts, SpanFacts
from telemetry_ingest.domain.otlp.reading import read_attribute, shown
from telemetry_ingest.domain.otlp.rows import NO_RANK, Attribute, Read, Unusable, Value
from telemetry_ingest.domain.otlp.values import FRACTION, IDENTIFIER, SHORT, name

EVENT: Final = "gen_ai.evaluation.result"
METRIC: Final = "gen_ai.evaluation.name"
SCORE: Final = "gen_ai.evaluation.score.value"
LABEL: Final = "gen_ai.evaluation.score.label"
RESPONSE: Final = "gen_ai.response.id"
UNKNOWN: Final = "unknown"
SCOPE: Final = "scope"
SCOPE_CHARACTERS_MAX: Final = 64
NO_SLOT: Final = -1
VERDICTS: Final[Mapping[str, bool]] = {
    **dict.fromkeys(("pass", "passed", "true", "yes", "correct", "relevant", "grounded", "safe"), True),
    **dict.fromkeys(("fail", "failed", "false", "no", "incorrect", "not_relevant", "irrelevant", "ungrounded"), False),
    "unsafe": False,
}
"""Labels that can only mean one thing. Any other label is kept, and is no verdict."""


class Where(NamedTuple):
    """What an evaluation is about, when it was told, and by which instrumentation scope."""

    trace_id: str | None
    span_id: str | None
    time_ns: int
    scope_name: str
    scope_version: str


def evaluation_of(told: Mapping[str, Value], where: Where, context: SpanFacts) -> EvaluationFacts:
    """``context`` is the span, or what the log event and its resource say. Raises ``Unusable``."""
    reading = _Reading(told)
    metric = reading.read(METRIC, name)
    if metric is None:
        raise Unusable("missing_field", f"attributes.{METRIC}", "an evaluation needs the name of its metric")
    label = reading.read(LABEL, SHORT)
    score = reading.read(SCORE, FRACTION)
    passed = None if label is None else VERDICTS.get(label.lower())
    if score is None and passed is None:
        raise Unusable("missing_field", f"attributes.{SCORE}", "neither a score nor a label that is a verdict")
    response = reading.read(RESPONSE, IDENTIFIER) or context.response_id
    if where.trace_id is None and response is None:
        raise Unusable("missing_field", "trace_id", f"what is judged is told by a trace, or by {RESPONSE}")
    return EvaluationFacts(
        metric,
        reading.scope(where.scope_name),
        reading.scope(where.scope_version),
        where.time_ns,
        score,
        passed,
        label,
        context.sample_rate,
        where.trace_id,
        where.span_id,
        response,
        context.service_name,
        context.agent,
        context.release,
        context.tenant,
        context.segment,
        (*context.masked, *reading.masked),
    )


@dataclass(slots=True)
class _Reading:
    """The attributes of one event, and what was masked in them."""

    told: Mapping[str, Value]
    masked: list[tuple[str, str]] = field(default_factory=list)

    def read(self, attribute: str, read: Read) -> Any:
        if attribute not in self.told:
            return None
        asked, found = read_attribute(Attribute(attribute, NO_SLOT, NO_RANK, read), self.told[attribute])
        self.masked += [(attribute, kind) for kind in asked.masked]
        return found

    def scope(self, text: str) -> str:
        found = shown(text)
        self.masked += [(SCOPE, kind) for kind in found.kinds]
        return found.text[:SCOPE_CHARACTERS_MAX] or UNKNOWN
