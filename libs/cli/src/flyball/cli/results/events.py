"""Findings as CloudEvents, with ids that are the same however often a file is read."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid5

from flyball.cli.results.findings import Attempt, Judgement, Results, metric_name
from flyball.schemas.native import EvaluationRecorded, EvaluationRecordedEvent, GuardrailChecked, GuardrailCheckedEvent

NAMESPACE: Final = UUID("6f2d7a52-0d4f-5c1c-9c59-2f0c8a4b7e11")
LABELS: Final = {"origin": "import"}
"""In its own segment, so that nobody takes a laboratory's figures for production's."""
IDENTIFIER_MAX: Final = 128
SHORT_TEXT_MAX: Final = 64


@dataclass(frozen=True, slots=True)
class Destination:
    system: str
    release: str
    evaluator_version: str
    at: datetime
    guardrails: bool = True


def events_of(results: Results, destination: Destination) -> Iterator[bytes]:
    """Each finding as one event in structured mode. Raises pydantic's ``ValidationError`` for a bad destination."""
    seen = Counter[tuple[str, ...]]()
    for judged in results.judgements:
        metric = metric_name(judged.metric)
        envelope = _envelope(results, destination, judged, ("evaluation", judged.sample, metric), seen)
        yield _judgement(results, destination, judged, metric, envelope)
    for attempt in results.attempts if destination.guardrails else ():
        envelope = _envelope(results, destination, attempt, ("guardrail", attempt.sample, attempt.rule), seen)
        yield _attempt(results, destination, attempt, envelope)


def count_of(results: Results, destination: Destination) -> int:
    return len(results.judgements) + (len(results.attempts) if destination.guardrails else 0)


def _envelope(
    results: Results,
    destination: Destination,
    found: Judgement | Attempt,
    what: tuple[str, ...],
    seen: Counter[tuple[str, ...]],
) -> dict[str, Any]:
    seen[what] += 1
    # A test may ask for the same metric twice: the second one is another judgement, in the order of the file.
    parts = (results.tool, results.run, *what, *([str(seen[what])] if seen[what] > 1 else []))
    return {
        "specversion": "1.0",
        "id": str(uuid5(NAMESPACE, _text("\n".join(parts)))),
        "source": f"/import/{results.tool}/{destination.system}",
        "subject": destination.system,
        "time": (found.at or destination.at).astimezone(UTC),
    }


def _judgement(
    results: Results, destination: Destination, judged: Judgement, metric: str, envelope: dict[str, Any]
) -> bytes:
    evaluator = f"{results.tool}/{judged.judge}" if judged.judge else results.tool
    event = EvaluationRecordedEvent(
        **envelope,
        type="evaluation.recorded",
        data=EvaluationRecorded(
            interaction_id=_interaction(results, judged.sample),
            release=destination.release,
            metric=metric,
            evaluator=_text(evaluator)[:SHORT_TEXT_MAX],
            evaluator_version=_text(destination.evaluator_version)[:SHORT_TEXT_MAX],
            score=judged.score,
            passed=judged.passed,
            segment=LABELS,
        ),
    )
    return event.model_dump_json(exclude_none=True).encode()


def _attempt(results: Results, destination: Destination, attempt: Attempt, envelope: dict[str, Any]) -> bytes:
    event = GuardrailCheckedEvent(
        **envelope,
        type="guardrail.checked",
        data=GuardrailChecked(
            release=destination.release,
            rule=metric_name(attempt.rule),
            kind=attempt.kind,
            blocked=attempt.blocked,
            malicious=True,
            interaction_id=_interaction(results, attempt.sample),
            segment=LABELS,
        ),
    )
    return event.model_dump_json(exclude_none=True).encode()


def _interaction(results: Results, sample: str) -> str:
    """Readable where it fits; judgements of one sample are of one interaction either way."""
    name = _text(f"{results.run}/{sample}")
    return name if len(name) <= IDENTIFIER_MAX else str(uuid5(NAMESPACE, name))


def _text(text: str) -> str:
    """Without halves of surrogate pairs, which JSON may hold and UTF-8 may not."""
    return text.encode("utf-8", "replace").decode()
