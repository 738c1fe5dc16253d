"""Quiet systems by the score: false alarms stay inside the budget, with a binomial margin; and changes are found."""

import numpy as np
import pytest
from drift_builders import Detector, Rows, items, pane_at, reference_of
from scipy.signal import lfilter
from scipy.stats import binom

from drift_detector.domain.policy import SECONDS_PER_DAY
from flyball.schemas.drift import DriftPolicy

pytestmark = pytest.mark.seeds
RUNS, PANES, PANE_ROWS = 80, 440, 40
POLICY = DriftPolicy(lateness_seconds=0, false_alarm_days=1)
BUDGET_PANES = SECONDS_PER_DAY / POLICY.pane_seconds
"""So small a budget that false alarms may come: in 440 of 8,640 runs at most."""


def independent(rng: np.random.Generator, size: int) -> Rows:
    return _table(rng.standard_normal((3, size)))


def autoregressive(rng: np.random.Generator, size: int) -> Rows:
    shocks = rng.standard_normal((3, size + 200)) * np.sqrt(1 - 0.6**2)
    return _table(lfilter([1], [1, -0.6], shocks, axis=1)[:, 200:])


def _table(normal: np.ndarray) -> Rows:  # type: ignore[type-arg]
    countries = np.array(["de", "fr", "ro"])[np.searchsorted([0.5, 1.3], normal[2])]
    return {"amount": normal[0].tolist(), "age": normal[1].tolist(), "country": countries.tolist()}


@pytest.mark.parametrize("rows", [independent, autoregressive])
def test_false_alarms_stay_inside_the_budget(rows: object) -> None:
    alarmed = 0
    for seed in range(RUNS):
        rng = np.random.default_rng((7, seed))
        reference = reference_of(rows(rng, 10_000))  # type: ignore[operator]
        detector = Detector([reference], POLICY)
        detector.give(items(rows(rng, PANES * PANE_ROWS), reference, pane_rows=PANE_ROWS))  # type: ignore[operator]
        alarmed += any(report.state == "drift" for report in detector.reports)
    assert alarmed <= binom.ppf(0.999, RUNS, PANES / BUDGET_PANES)


@pytest.mark.parametrize(("shift", "scale", "rows_max"), [(0.5, 1.0, 512), (0.2, 1.0, 1_500), (0.0, 1.25, 1_500)])
def test_changes_are_found_soon(shift: float, scale: float, rows_max: int) -> None:
    """Median over runs, on one of three features; the line is that of thirty days of ten-second panes."""
    policy = DriftPolicy(lateness_seconds=0)
    found = []
    for seed in range(15):
        rng = np.random.default_rng((8, seed))
        reference = reference_of(independent(rng, 10_000))
        detector = Detector([reference], policy)
        detector.give(items(independent(rng, 200 * PANE_ROWS), reference, pane_rows=PANE_ROWS))
        moved = dict(independent(rng, 100 * PANE_ROWS))
        moved["amount"] = [scale * float(value or 0) + shift for value in moved["amount"]]
        detector.give(items(moved, reference, first_pane=200, pane_rows=PANE_ROWS))
        at = next((one.pane_start for one in detector.reports if one.state == "drift"), None)
        found.append(np.inf if at is None else ((at - pane_at(200)).total_seconds() / 10 + 1) * PANE_ROWS)
    assert np.median(found) <= rows_max
