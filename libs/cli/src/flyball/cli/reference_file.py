"""A training file as the features of a reference: each column counted once, no row leaves this machine."""

import csv
import json
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import TextIOWrapper
from pathlib import Path
from typing import Any, BinaryIO, Final

from flyball.cli.errors import ERROR, USAGE, CommandError

NULLS: Final = frozenset({"", "null", "none", "nan", "na", "n/a"})
ROWS_MAX: Final = 10_000_000
COLUMNS_MAX: Final = 512
DISTINCT_MAX: Final = 100_000
IDENTIFIER_SHARE: Final = 0.5
"""A text that is another one in every other row is a name of something, not a category."""
CSV_FIELD_CHARACTERS_MAX: Final = 1_048_576


@dataclass(slots=True)
class Column:
    """The values of one column: numbers, other texts with their counts; the rest of the rows are nulls."""

    numbers: "array[float]" = field(default_factory=lambda: array("d"))
    texts: Counter[str] = field(default_factory=Counter)

    def add(self, value: Any) -> None:
        number = number_of(value)
        if number is not None:
            self.numbers.append(number)
        elif value is not None and len(self.texts) < DISTINCT_MAX:
            self.texts[str(value)[:64]] += 1

    @property
    def is_numeric(self) -> bool:
        return len(self.numbers) >= self.texts.total()

    @property
    def is_identifier(self) -> bool:
        return not self.is_numeric and len(self.texts) > IDENTIFIER_SHARE * self.texts.total()


def features_of(columns: Mapping[str, Column], rows: int) -> tuple[dict[str, Any], list[str]]:
    """Each column as the JSON of its reference, and what there is to say about those left out or not all numbers."""
    features: dict[str, Any] = {}
    notes: list[str] = []
    for name, column in sorted(columns.items()):
        if column.is_identifier:
            notes.append(f"{name}: left out, {len(column.texts)} different texts are names of something, no category")
        elif column.is_numeric:
            features[name] = _numeric(column, rows)
            if column.texts:
                notes.append(f"{name}: {column.texts.total()} values are no numbers and count as nulls")
        else:
            features[name] = _categorical(column, rows)
    return features, notes


def read(stream: BinaryIO, kind: str, name: str) -> tuple[dict[str, Column], int]:
    """Columns and number of rows of a file; ``kind`` is its suffix without the dot. Raises ``CommandError``."""
    columns: dict[str, Column] = {}
    rows = 0
    for row in _rows(stream, kind, name):
        rows += 1
        if rows > ROWS_MAX:
            raise CommandError(f"{name} has more than {ROWS_MAX:,} rows", f"shuf -n 1000000 {name}", ERROR)
        for key, value in row.items():
            column = columns.get(key)
            if column is None:
                if len(columns) >= COLUMNS_MAX:
                    raise CommandError(
                        f"{name} has more than {COLUMNS_MAX} columns", "name those to use: --column", ERROR
                    )
                column = columns[key] = Column()
            column.add(value)
    return columns, rows


def number_of(value: Any) -> float | None:
    """A finite number, also as text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if abs(number) != float("inf") and number == number else None  # noqa: PLR0124 NaN is not itself


def _rows(stream: BinaryIO, kind: str, name: str) -> Iterator[Mapping[str, Any]]:
    if kind == "csv":
        return _csv_rows(stream, name)
    if kind in ("jsonl", "ndjson"):
        return _json_rows(stream, name)
    if kind == "parquet":
        raise CommandError(
            f"cannot read {name}: this release has no reader of Parquet",
            f"python -c \"import pandas; pandas.read_parquet('{name}').to_csv('rows.csv', index=False)\"",
            USAGE,
        )
    raise CommandError(f"cannot tell what {name} is", "give --format csv or --format jsonl", USAGE)


def _csv_rows(stream: BinaryIO, name: str) -> Iterator[Mapping[str, Any]]:
    csv.field_size_limit(CSV_FIELD_CHARACTERS_MAX)
    try:
        reader = csv.DictReader(TextIOWrapper(stream, encoding="utf-8-sig", newline=""), strict=True)
        for row in reader:
            if None in row or None in row.values():
                raise CommandError(
                    f"{name}, line {reader.line_num}: not as many fields as the header", f"head -1 {name}"
                )
            yield {key: None if value.strip().lower() in NULLS else value for key, value in row.items()}
    except (csv.Error, UnicodeDecodeError) as error:
        raise CommandError(f"{name} is no CSV in UTF-8: {error}", f"file {name}") from error


def _json_rows(stream: BinaryIO, name: str) -> Iterator[Mapping[str, Any]]:
    """Objects, one a line: features themselves, or predictions as they are sent with ``flyball send``."""
    for number, line in enumerate(stream, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise CommandError(f"{name}, line {number}: {error}", f"sed -n {number}p {name}") from error
        if not isinstance(row, dict):
            raise CommandError(f"{name}, line {number}: no JSON object", f"sed -n {number}p {name}")
        data = row.get("data", row)
        features = data.get("features", data) if isinstance(data, dict) else {}
        yield {key: value for key, value in features.items() if not isinstance(value, (dict, list))}


def _numeric(column: Column, rows: int) -> dict[str, Any]:
    import numpy as np

    from flyball.stats.reference import numeric_reference

    # An empty column is one of nulls.
    values = np.full(rows, np.nan)
    values[: len(column.numbers)] = np.array(column.numbers)
    made = numeric_reference(values)
    return {
        "kind": "numeric",
        "edges": made.edges.tolist(),
        "counts": made.counts.tolist(),
        "rows": made.rows,
        "nulls": made.nulls,
        "minimum": made.minimum,
        "maximum": made.maximum,
        "standard_deviation": made.standard_deviation,
    }


def _categorical(column: Column, rows: int) -> dict[str, Any]:
    from flyball.stats.reference import CATEGORIES_MAX

    kept = sorted(column.texts.items(), key=lambda item: (-item[1], item[0]))[:CATEGORIES_MAX]
    # Numbers in a column of texts are as good as nulls, as telemetry-ingest counts them.
    return {"kind": "categorical", "counts": dict(kept), "rows": rows, "nulls": rows - column.texts.total()}


def kind_of(file: Path, given: str | None) -> str:
    return (given or file.suffix.lstrip(".")).lower()
