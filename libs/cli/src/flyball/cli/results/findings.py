"""What every tool's file comes down to: judgements of samples, and attempts against a guardrail."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from math import isfinite
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

FLAWS_TOLD_MAX: Final = 20
FILE_BYTES_MAX: Final = 512 * 1_048_576
METRICS: Final = {
    "answer_relevancy": "relevance",
    "answer_relevance": "relevance",
    "response_relevancy": "relevance",
    "faithfulness": "groundedness",
    "factual_correctness": "factuality",
    "factuality": "factuality",
}
"""Metrics of the tools that mean what one of ours does."""


class FormatError(Exception):
    """A file that is not what the command reads; says what was expected and what to do."""

    def __init__(self, cause: str, following: str) -> None:
        super().__init__(cause)
        self.following = following


class Part(BaseModel):
    """A piece of a tool's file. Fields that are not named here do not concern us."""

    model_config = ConfigDict(extra="ignore", frozen=True)


Model = TypeVar("Model", bound=Part)


@dataclass(frozen=True, slots=True)
class Judgement:
    """``sample`` and ``metric`` are as the tool names them; ``score`` is in [0, 1], None beside a lone verdict."""

    sample: str
    metric: str
    score: float | None
    passed: bool | None
    judge: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to make a system do what it must not, and whether it withstood."""

    sample: str
    rule: str
    kind: str
    blocked: bool
    at: datetime | None = None


@dataclass(slots=True)
class Results:
    """One file. Everything in it is a judgement, an attempt, unjudged or a flaw: nothing is lost without being told."""

    tool: str
    run: str
    """What tells this run from any other: the tool's own id of it, else the digest of the file."""
    version: str | None = None
    at: datetime | None = None
    judgements: list[Judgement] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    unjudged: int = 0
    """Judgements that the tool could not make."""
    flaws: list[str] = field(default_factory=list)
    """The first of what could not be read, each with its place."""
    flaw_count: int = 0
    unbounded: set[str] = field(default_factory=set)
    """Metrics whose scores are no fractions, for one of them was not."""

    def flaw(self, place: str, cause: object) -> None:
        self.flaw_count += 1
        if len(self.flaws) < FLAWS_TOLD_MAX:
            self.flaws.append(f"{place}: {str(cause)[:300]}")

    def at_once(self, moment: datetime) -> None:
        """Every finding happens at one moment."""
        self.at = moment
        self.judgements = [replace(each, at=moment) for each in self.judgements]
        self.attempts = [replace(each, at=moment) for each in self.attempts]

    def judge(
        self,
        sample: str,
        metric: str,
        score: float | None,
        passed: bool | None,
        judge: str = "",
        at: datetime | None = None,
    ) -> None:
        """Add one; a score that is no number from 0 to 1 is left out, and with it all others of its metric."""
        if score is not None and not (isfinite(score) and 0 <= score <= 1):
            self.unbounded.add(metric)
        if score is None and passed is None:
            self.unjudged += 1
        else:
            self.judgements.append(Judgement(sample, metric, score, passed, judge, at))

    def settled(self) -> "Results":
        """What is left when scores that are no fractions are gone: 1 of 22 characters is not the best of scores."""
        judged = [self._settled(each) for each in self.judgements]
        self.judgements = [each for each in judged if each is not None]
        return self

    def _settled(self, judged: Judgement) -> Judgement | None:
        if judged.score is None or judged.metric not in self.unbounded:
            return judged
        if judged.passed is not None:
            return replace(judged, score=None)
        self.flaw(
            f"{judged.sample}, {judged.metric}", f"the score {judged.score:g}: {judged.metric} is not from 0 to 1"
        )
        return None


def document(data: bytes, model: type[Model], tool: str, expected: str) -> Model:
    """The whole file as ``model``. Raises ``FormatError`` with the field that differs and what was expected."""
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        raise FormatError(
            f"this is no result file of {tool} that we know: {first_error(error)}; expected {expected}",
            f"flyball import {tool} --help",
        ) from error


def members(results: Results, items: Sequence[Any], model: type[Model], place: str) -> Iterator[tuple[int, Model]]:
    """Each item as ``model``, with its number; what is none is a flaw, and its neighbours go on."""
    reader = TypeAdapter(model)
    for index, item in enumerate(items):
        try:
            yield index, reader.validate_python(item)
        except ValidationError as error:
            results.flaw(f"{place} {index}", first_error(error))


def first_error(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(map(str, first["loc"]))[:100]
    return f"{where or 'the file'}: {first['msg'][:200]}"


def metric_name(text: str) -> str:
    """``Answer Relevancy`` as ``relevance``, ``Tone [GEval]`` as ``tone_geval``: a name as the contract wants it."""
    plain = re.sub(r"[^a-z0-9._-]+", "_", text.lower()).strip("._-")[:63].rstrip("._-") or "unnamed"
    return METRICS.get(plain, plain)
