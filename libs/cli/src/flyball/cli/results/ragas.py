"""ragas' table: ``result.to_pandas().to_csv(...)``, ``.to_json(orient="records")`` with or without ``lines=True``."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from math import isnan, nan
from typing import Any, Final

from flyball.cli.results.findings import FormatError, Results

TOOL: Final = "ragas"
TEXTS: Final = frozenset(
    {
        "id",
        "name",
        "user_input",
        "response",
        "reference",
        "retrieved_contexts",
        "reference_contexts",
        "retrieved_context_ids",
        "reference_context_ids",
        "multi_responses",
        "rubrics",
        "rubric",
        "reference_topics",
        "reference_tool_calls",
        "persona_name",
        "query_style",
        "query_length",
        "synthesizer_name",
        "question",
        "answer",
        "contexts",
        "ground_truth",
    }
)
"""Columns of a sample in ragas 0.1 to 0.4; each of the others is a metric."""
EXPECTED: Final = "a CSV with a header, or JSON objects, with user_input (or question) and a column for each metric"


def read(data: bytes, digest: str) -> Results:
    """Raises ``FormatError``. An empty or NaN cell is a judgement that ragas could not make: it is unjudged."""
    results = Results(TOOL, digest)
    rows = 0
    for index, row in _rows(data, results):
        rows += 1
        for column, cell in row.items():
            if column and column not in TEXTS:
                _judge(results, f"row/{index}", column, cell)
    if not rows and not results.flaw_count:
        raise FormatError(f"the file has no rows; expected {EXPECTED}", "flyball import ragas --help")
    return results


def _judge(results: Results, sample: str, column: str, cell: object) -> None:
    if isinstance(cell, bool):
        results.judge(sample, column, None, cell)
        return
    try:
        number = float(cell) if isinstance(cell, int | float) or (isinstance(cell, str) and cell.strip()) else nan
    except (ValueError, OverflowError):
        results.flaw(f"{sample}, {column}", f"{str(cell)[:40]!r} is no number")
        return
    if isinstance(cell, list | dict):
        results.flaw(f"{sample}, {column}", "neither a number nor empty")
    else:
        results.judge(sample, column, None if isnan(number) else number, None)


def _rows(data: bytes, results: Results) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError(
            f"the file is not UTF-8 at byte {error.start}; expected {EXPECTED}", "flyball import ragas --help"
        ) from error
    start = text.lstrip()[:1]
    if start == "[":
        yield from _checked(enumerate(_array(text)), results)
    elif start == "{":
        yield from _checked(_lines(text, results), results)
    else:
        yield from _table(text, results)


def _checked(rows: Iterator[tuple[int, Any]], results: Results) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for index, row in rows:
        if isinstance(row, dict) and ("user_input" in row or "question" in row):
            yield index, row
        else:
            results.flaw(f"row {index}", "no object with user_input or question")


def _array(text: str) -> list[Any]:
    try:
        rows: list[Any] = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FormatError(
            f"the array is not JSON: {error}; expected {EXPECTED}", "flyball import ragas --help"
        ) from error
    return rows


def _lines(text: str, results: Results) -> Iterator[tuple[int, Any]]:
    for index, line in enumerate(text.splitlines()):
        if line.strip():
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                results.flaw(f"line {index + 1}", f"not JSON: {error}")
                continue
            yield index, row


def _table(text: str, results: Results) -> Iterator[tuple[int, Mapping[str, Any]]]:
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        header = next(reader, [])
        if "user_input" not in header and "question" not in header:
            shown = ", ".join(header)[:200]
            raise FormatError(f"the columns are {shown!r}; expected {EXPECTED}", "flyball import ragas --help")
        for index, cells in enumerate(reader):
            if len(cells) == len(header):
                yield index, dict(zip(header, cells, strict=True))
            elif cells:
                results.flaw(f"row {index}", f"{len(cells)} cells, the header has {len(header)}")
    except csv.Error as error:
        results.flaw(f"line {reader.line_num}", f"not CSV, nor what follows: {error}")
