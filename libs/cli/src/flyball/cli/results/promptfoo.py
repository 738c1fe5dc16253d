"""promptfoo's ``eval -o results.json``."""

from datetime import datetime
from typing import Any, Final

from pydantic import AwareDatetime, Field

from flyball.cli.results.findings import FormatError, Part, Results, document, members

TOOL: Final = "promptfoo"
VERSION: Final = 3
EXPECTED: Final = "evalId and results of version 3, as promptfoo eval -o results.json writes them"
ERROR: Final = 2
"""``failureReason`` of a test that ended with an error before anything was judged."""


class _Assertion(Part):
    type: str = "assertion"
    metric: str | None = None


class _Component(Part):
    passed: bool = Field(alias="pass")
    score: float | None = None
    assertion: _Assertion | None = None


class _Grading(Part):
    components: list[Any] | None = Field(default=None, alias="componentResults")


class _Provider(Part):
    id: str = ""


class _Result(Part):
    prompt: int = Field(alias="promptIdx")
    test: int = Field(alias="testIdx")
    repeat: int = Field(default=0, alias="repeatIndex")
    provider: _Provider = _Provider()
    failure: int = Field(default=0, alias="failureReason")
    grading: _Grading | None = Field(default=None, alias="gradingResult")


class _Outcome(Part):
    version: int
    timestamp: AwareDatetime | None = None
    results: list[Any] = []


class _Metadata(Part):
    version: str | None = Field(default=None, alias="promptfooVersion")


class _File(Part):
    run: str = Field(alias="evalId", min_length=1)
    outcome: _Outcome = Field(alias="results")
    metadata: _Metadata | None = None


def read(data: bytes, digest: str) -> Results:
    """Raises ``FormatError``. Each assertion of each test is a judgement; a test without assertions judged nothing."""
    del digest
    file = document(data, _File, TOOL, EXPECTED)
    if file.outcome.version != VERSION:
        raise FormatError(
            f"this is version {file.outcome.version} of promptfoo's results; expected {EXPECTED}",
            "promptfoo eval -o results.json with promptfoo 0.100 or newer",
        )
    results = Results(TOOL, file.run, file.metadata.version if file.metadata else None, file.outcome.timestamp)
    for _, result in members(results, file.outcome.results, _Result, "result"):
        _judge(results, result, file.outcome.timestamp)
    return results


def _judge(results: Results, result: _Result, at: datetime | None) -> None:
    sample = f"{result.provider.id}/{result.prompt}/{result.test}/{result.repeat}"
    components = result.grading.components if result.grading else None
    if result.failure == ERROR or not components:
        results.unjudged += 1
        return
    for _, component in members(results, components, _Component, f"{sample}, assertion"):
        assertion = component.assertion or _Assertion()
        results.judge(sample, assertion.metric or assertion.type, component.score, component.passed, at=at)
