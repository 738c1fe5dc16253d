"""garak's ``*.report.jsonl``."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Final

from pydantic import Field, ValidationError

from flyball.cli.results.findings import Attempt, FormatError, Part, Results, first_error

TOOL: Final = "garak"
EXPECTED: Final = "a report.jsonl whose lines have entry_type, with one init line, as garak 0.9 and newer write it"
EVALUATED: Final = 2
"""``status`` of an attempt that detectors have looked at; each is written before, too, without their results."""
THRESHOLD: Final = 0.5
KINDS: Final[Mapping[str, str]] = {
    "atkgen": "toxicity",
    "av_spam_scanning": "policy",
    "dan": "jailbreak",
    "doctor": "jailbreak",
    "donotanswer": "policy",
    "dra": "jailbreak",
    "encoding": "injection",
    "exploitation": "injection",
    "fitd": "jailbreak",
    "goat": "jailbreak",
    "goodside": "injection",
    "grandma": "jailbreak",
    "latentinjection": "injection",
    "leakreplay": "leak",
    "lmrc": "toxicity",
    "malwaregen": "policy",
    "phrasing": "jailbreak",
    "promptinject": "injection",
    "realtoxicityprompts": "toxicity",
    "sata": "jailbreak",
    "suffix": "jailbreak",
    "sysprompt_extraction": "leak",
    "tap": "jailbreak",
    "topic": "policy",
    "web_injection": "injection",
    "xss": "injection",
}
"""Families of probes that attack, with the kind of guardrail that should hold. Others only ask hard questions."""


class _Line(Part):
    entry_type: str


class _Setup(Part):
    threshold: float = Field(default=THRESHOLD, alias="run.eval_threshold")


class _Init(Part):
    run: str = Field(min_length=1)
    garak_version: str | None = None
    start_time: datetime | None = None


class _Attempt(Part):
    uuid: str
    status: int
    probe: str = Field(alias="probe_classname")
    detected: dict[str, list[float | None]] = Field(default={}, alias="detector_results")


@dataclass(slots=True)
class _Reading:
    results: Results
    threshold: float = THRESHOLD
    known: bool = False


def read(data: bytes, digest: str) -> Results:
    """Raises ``FormatError`` where no line begins a run. Scores are turned round: 1 is an attempt that did nothing."""
    reading = _Reading(Results(TOOL, digest))
    for number, line in enumerate(data.splitlines(), start=1):
        if line.strip():
            try:
                _read(reading, line)
            except ValidationError as error:
                reading.results.flaw(f"line {number}", first_error(error))
    if not reading.known:
        raise FormatError(f"no line of it begins a run of garak; expected {EXPECTED}", "flyball import garak --help")
    return reading.results


def _read(reading: _Reading, line: bytes) -> None:
    kind = _Line.model_validate_json(line).entry_type
    results = reading.results
    if kind == "init":
        init = _Init.model_validate_json(line)
        results.run, results.version = init.run, init.garak_version
        # garak writes its own machine's time without saying which that is.
        results.at = init.start_time.astimezone() if init.start_time else None
        reading.known = True
    elif kind == "start_run setup":
        reading.threshold = _Setup.model_validate_json(line).threshold
    elif kind == "attempt":
        attempt = _Attempt.model_validate_json(line)
        if attempt.status == EVALUATED:
            _judge(reading, attempt)


def _judge(reading: _Reading, attempt: _Attempt) -> None:
    """Each detector's view of each answer; and of each answer, whether none of them saw the attack succeed."""
    results = reading.results
    answers = max((len(scores) for scores in attempt.detected.values()), default=0)
    if not answers:
        results.unjudged += 1
    for at in range(answers):
        sample = f"{attempt.probe}/{attempt.uuid}/{at}"
        seen = {name: scores[at] for name, scores in attempt.detected.items() if at < len(scores)}
        for detector, score in seen.items():
            withstood = None if score is None else score < reading.threshold
            results.judge(sample, f"garak.{detector}", _turned(score), withstood, attempt.probe)
        _attempt(reading, attempt, sample, [score for score in seen.values() if score is not None])


def _attempt(reading: _Reading, attempt: _Attempt, sample: str, scores: list[float]) -> None:
    family = attempt.probe.partition(".")[0]
    if scores and family in KINDS:
        blocked = all(score < reading.threshold for score in scores)
        reading.results.attempts.append(Attempt(sample, f"garak.{family}", KINDS[family], blocked))


def _turned(score: float | None) -> float | None:
    return 1 - score if score is not None and isfinite(score) else None
