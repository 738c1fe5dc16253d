"""Raw rows condensed as telemetry-ingest does it, so that indicators can be held against the rows themselves."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from flyball.schemas.summaries import Histogram, TelemetrySummary
from flyball.stats.decimal_bins import decimal_bin
from flyball.stats.indicators import Indicator, Known, indicators_of

START = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)


def histogram(values: Iterable[int]) -> Histogram:
    held = [int(value) for value in values]
    return Histogram(count=len(held), total=sum(held), bins=dict(Counter(map(decimal_bin, held))))


def confusion(true: Iterable[str], predicted: Iterable[str]) -> dict[str, dict[str, int]]:
    table: dict[str, dict[str, int]] = {}
    for (row, column), count in Counter(zip(true, predicted, strict=True)).items():
        table.setdefault(str(row), {})[str(column)] = count
    return table


def summary(**fields: Any) -> TelemetrySummary:
    return TelemetrySummary(
        **{
            "tenant": "default",
            "system": "support",
            "release": "1.0",
            "segment": None,
            "bucket_start": START,
            "event_time_max": START,
            **fields,
        }
    )


def indicator(name: str, *summaries: TelemetrySummary, known: Known | None = None) -> Indicator:
    return next(each for each in indicators_of(summaries, known) if each.definition.name == name)
