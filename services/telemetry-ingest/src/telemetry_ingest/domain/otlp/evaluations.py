"""Evaluation results, as ``gen_ai.evaluation.result`` tells them in a log event or an event of a span."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from telemetry_ingest.domain.otlp.facts import EvaluationFacts, SpanFacts
from telemetry_ingest.domain.otlp.rows import Read, Unusable, Value
from telemetry_ingest.domain.otlp.values import FRACTION, IDENTIFIER, SHORT, name

EVENT: Final = "gen_ai.evaluation.result"
METRIC: Final = "gen_ai.evaluation.name"
SCORE: Final = "gen_ai.evaluation.score.value"
LABEL: Final = "gen_ai.evaluation.score.label"
RESPONSE: Final = "gen_ai.response.id"
ATTRIBUTES: Final = frozenset({METRIC, SCORE, LABEL, RESPONSE})
UNKNOWN: Final = "unknown"
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
    metric = _read(METRIC, told, name)
    if metric is None:
        raise Unusable("missing_field", f"attributes.{METRIC}", "an evaluation needs the name of its metric")
    label = _read(LABEL, told, SHORT)
    score = _read(SCORE, told, FRACTION)
    passed = None if label is None else VERDICTS.get(label.lower())
    if score is None and passed is None:
        raise Unusable("missing_field", f"attributes.{SCORE}", "neither a score nor a label that is a verdict")
    response = _read(RESPONSE, told, IDENTIFIER) or context.response_id
    if where.trace_id is None and response is None:
        raise Unusable("missing_field", "trace_id", f"what is judged is told by a trace, or by {RESPONSE}")
    return EvaluationFacts(
        metric,
        where.scope_name[:64] or UNKNOWN,
        where.scope_version[:64] or UNKNOWN,
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
    )


def _read(attribute: str, told: Mapping[str, Value], read: Read) -> Any:
    if attribute not in told:
        return None
    try:
        return read(told[attribute])
    except Unusable as error:
        raise Unusable(error.reason, f"attributes.{attribute}", error.detail) from None
