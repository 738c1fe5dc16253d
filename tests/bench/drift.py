"""What a row of 25 features costs where it is counted, and what a pane costs where it is judged."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from drift_detector.adapters.rows import arrays_of
from drift_detector.domain.decide import Item, Known, decide
from drift_detector.domain.layout import Layout
from drift_detector.domain.learn import Kept, learned
from drift_detector.domain.plan import Plan
from drift_detector.domain.policy import Rules
from drift_detector.domain.state import DetectorState, Pane
from flyball.schemas.drift import DriftPolicy, DriftReference
from flyball.schemas.native import FeatureValue
from flyball.schemas.summaries import PredictionStatistics, TelemetrySummary
from telemetry_ingest.domain.features import FeatureTally, count_features
from telemetry_ingest.domain.yardsticks import Yardstick
from tests.bench.figures import table
from tests.bench.statistics_drift import CATEGORICAL, NUMERIC, independent, kernel_rows_per_second

KERNEL_ROWS = 500_000
ROWS, PANES, PANE_ROWS = 20_000, 300, 200
START = datetime(2026, 11, 21, tzinfo=UTC)
PANE = timedelta(seconds=10)
Row = dict[str, FeatureValue]


@dataclass(frozen=True)
class Figures:
    kernel_rows_per_second: float
    kernel_bytes: int
    counted_rows_per_second: float
    judged_panes_per_second: float
    evidence_bytes: int
    stored_bytes: int


def measure(repeats: int) -> str:
    """The figures as Markdown, the median of the repeats."""
    runs = [_run(np.random.default_rng((11, number))) for number in range(repeats)]
    middle = sorted(runs, key=lambda run: run.kernel_rows_per_second)[len(runs) // 2]
    panes = sorted(run.judged_panes_per_second for run in runs)[len(runs) // 2]
    rows = [
        ["kernel: rows counted and judged from arrays, a second", f"{middle.kernel_rows_per_second:,.0f}"],
        [
            "rows of predictions counted on a reference by telemetry-ingest, a second",
            f"{middle.counted_rows_per_second:,.0f}",
        ],
        ["panes judged by drift-detector from summaries, a second", f"{panes:,.0f}"],
        [f"the same in rows, at {PANE_ROWS} a pane", f"{panes * PANE_ROWS:,.0f}"],
        ["evidence of one system, bytes", f"{middle.evidence_bytes:,}"],
        ["arrays of one system as stored (compressed, with open panes), bytes", f"{middle.stored_bytes:,}"],
    ]
    return table(["", "25 features"], rows)


def _run(rng: np.random.Generator) -> Figures:
    kernel, kernel_bytes = kernel_rows_per_second(KERNEL_ROWS, rng)
    table_rows = _rows(rng, ROWS)
    reference = _reference(table_rows)
    counted = _counting(reference, table_rows)
    panes, state = _judging(reference, table_rows)
    calibration = state.calibration
    evidence = calibration.standing.size_bytes if calibration else 0
    return Figures(kernel, kernel_bytes, counted, panes, evidence, len(arrays_of(state)))


def _rows(rng: np.random.Generator, size: int) -> list[Row]:
    numbers, codes = independent(rng, size)
    columns = {f"n{index}": numbers[index].tolist() for index in range(NUMERIC)}
    columns |= {f"c{index}": [f"v{code}" for code in codes[index]] for index in range(CATEGORICAL)}
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _summary(rows: Sequence[Row], start: datetime, yardstick: Yardstick | None) -> TelemetrySummary:
    tally = FeatureTally(yardstick)
    count_features([tally], [0] * len(rows), rows)
    return TelemetrySummary(
        tenant="default",
        system="bench",
        release="1.0.0",
        segment=None,
        bucket_start=start,
        event_time_max=start,
        predictions=PredictionStatistics(count=len(rows)),
        features=(tally.freeze(),),
    )


def _reference(rows: Sequence[Row]) -> DriftReference:
    kept = [Kept(_summary(rows[:10_000], START, None), 0)]
    made = learned("default", "bench", kept, None, "service:bench", START - timedelta(hours=1))
    if made is None:
        raise RuntimeError("the rows made no reference: see _rows")
    return made


def _counting(reference: DriftReference, rows: Sequence[Row]) -> float:
    yardstick = Yardstick.of(reference)
    before = time.process_time()
    for at in range(0, len(rows), 5_000):
        _summary(rows[at : at + 5_000], START, yardstick)
    return len(rows) / (time.process_time() - before)


def _judging(reference: DriftReference, rows: Sequence[Row]) -> tuple[float, DetectorState]:
    yardstick = Yardstick.of(reference)
    chunks = [rows[at : at + PANE_ROWS] for at in range(0, len(rows), PANE_ROWS)]
    items = [
        Item(_summary(chunks[number % len(chunks)], START + number * PANE, yardstick), START + (number + 1) * PANE)
        for number in range(PANES)
    ]
    known = Known((reference,), {reference.version: Plan.of(Layout.of(reference))})
    rules = Rules(DriftPolicy(lateness_seconds=0), 0, "bench")
    state = DetectorState()
    recent: tuple[Pane, ...] = ()
    before = time.process_time()
    for item in items:
        decision = decide(state, recent, item, known, rules)
        state, recent = decision.state, decision.recent
    return PANES / (time.process_time() - before), state
