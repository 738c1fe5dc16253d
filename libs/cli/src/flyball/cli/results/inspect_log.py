"""inspect_ai's logs: ``.json``, and the ``.eval`` archive that it writes by default."""

import json
from collections.abc import Mapping
from typing import Any, Final

from pydantic import AwareDatetime

from flyball.cli.results.archives import ArchiveError, members_of
from flyball.cli.results.findings import FormatError, Part, Results, document, members

TOOL: Final = "inspect"
VERSION: Final = 2
EXPECTED: Final = "a log of version 2 with eval and samples, as inspect_ai 0.3 writes it"
VERDICTS: Final[Mapping[str, tuple[float, bool | None]]] = {
    "C": (1.0, True),
    "I": (0.0, False),
    "P": (0.5, None),
    "N": (0.0, False),
}
"""inspect_ai's correct, incorrect, partial and no answer, with the values that it gives them itself."""


class _Score(Part):
    value: Any


class _Sample(Part):
    id: int | str
    epoch: int
    uuid: str | None = None
    completed_at: AwareDatetime | None = None
    scores: dict[str, Any] | None = None


class _Eval(Part):
    eval_id: str = ""
    run_id: str = ""
    task_id: str = ""
    created: AwareDatetime
    packages: dict[str, str] = {}


class _Log(Part):
    version: int
    eval: _Eval
    samples: list[Any] | None = None


def read(data: bytes, digest: str) -> Results:
    """Raises ``FormatError``. Samples without scores, for they failed or were not scored, are unjudged."""
    log, samples = _archived(data) if data.startswith(b"PK") else _plain(data)
    if log.version != VERSION:
        raise FormatError(
            f"this is version {log.version} of inspect_ai's log; expected {EXPECTED}",
            "inspect log convert with a current inspect_ai writes version 2",
        )
    run = log.eval.eval_id or f"{log.eval.run_id}/{log.eval.task_id}".strip("/") or digest
    results = Results(TOOL, run, log.eval.packages.get("inspect_ai"), log.eval.created)
    for _, sample in members(results, samples, _Sample, "sample"):
        _judge(results, sample)
    return results


def _plain(data: bytes) -> tuple[_Log, list[Any]]:
    log = document(data, _Log, TOOL, EXPECTED)
    if log.samples is None:
        raise FormatError(
            "the log holds no samples, only their sums", "write it with --log-samples, or import the .eval file"
        )
    return log, log.samples


def _archived(data: bytes) -> tuple[_Log, list[Any]]:
    """The header and every sample of a ``.eval`` file; one that cannot be unpacked is a flaw like any other."""
    try:
        found = members_of(data, lambda name: name == "header.json" or name.startswith("samples/"))
    except ArchiveError as error:
        raise FormatError(f"the .eval archive cannot be read: {error}", "inspect log dump FILE > log.json") from error
    header = found.pop("header.json", None)
    if header is None:
        raise FormatError("the .eval archive has no header.json: its run has not ended", "run inspect eval-retry FILE")
    if isinstance(header, ArchiveError):
        raise FormatError(f"the .eval archive cannot be read: {header}", "inspect log dump FILE > log.json")
    return document(header, _Log, TOOL, EXPECTED), [_loaded(part) for part in found.values()]


def _loaded(part: bytes | ArchiveError) -> Any:
    """What is no sample stands in its place as text, to be told with its number."""
    if isinstance(part, ArchiveError):
        return str(part)
    try:
        return json.loads(part)
    except (ValueError, RecursionError) as error:
        return f"not JSON: {error}"


def _judge(results: Results, sample: _Sample) -> None:
    name = f"{sample.id}/{sample.epoch}/{sample.uuid or ''}"
    if not sample.scores:
        results.unjudged += 1
        return
    for scorer, raw in sample.scores.items():
        for _, score in members(results, [raw], _Score, f"sample {name}, {scorer}"):
            for metric, value in _values(scorer, score.value):
                _value(results, name, metric, value, sample)


def _values(scorer: str, value: Any) -> list[tuple[str, Any]]:
    """A scorer may give one value, several by name or several in order."""
    if isinstance(value, dict):
        return [(f"{scorer}.{key}", each) for key, each in value.items()]
    if isinstance(value, list):
        return [(f"{scorer}.{at}", each) for at, each in enumerate(value)]
    return [(scorer, value)]


def _value(results: Results, name: str, metric: str, value: Any, sample: _Sample) -> None:
    at = sample.completed_at
    if isinstance(value, bool):
        results.judge(name, metric, float(value), value, at=at)
    elif isinstance(value, int | float):
        # What a float cannot hold is not from 0 to 1 either.
        results.judge(name, metric, float(value) if abs(value) < 1e300 else float("inf"), None, at=at)  # noqa: PLR2004
    elif value is None:
        results.unjudged += 1
    elif isinstance(value, str) and value in VERDICTS:
        results.judge(name, metric, *VERDICTS[value], at=at)
    else:
        results.flaw(f"sample {name}, {metric}", f"{str(value)[:40]!r} is no score")
