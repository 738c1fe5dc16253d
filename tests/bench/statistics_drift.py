"""Drift by simulation: false alarms on quiet streams of every kind, delays, severity's bound, concept, the kernel."""

import time
from collections.abc import Callable

import numpy as np
from scipy.signal import lfilter
from scipy.special import ndtr

from flyball.stats.count_bets import rate_bets, stack
from flyball.stats.neyman_scores import FloatArray, IntArray
from flyball.stats.psi import decile_groups, grouped, population_stability
from flyball.stats.reference import numeric_reference
from flyball.stats.shiryaev_roberts import after_pane, alarm_line, log_statistic, no_evidence
from tests.bench.statistics_streams import (
    PANE_ROWS,
    REFERENCE_ROWS,
    Reference,
    Rows,
    after,
    count_pane,
    quiet_panes,
    reference_of,
    watch,
)

NUMERIC, CATEGORICAL = 20, 5
BUDGET_ROWS = 10_000_000
CHUNK_PANES = 200
HOURS = 24


def independent(rng: np.random.Generator, rows: int) -> tuple[FloatArray, IntArray]:
    return _mixed(rng.standard_normal((NUMERIC + CATEGORICAL, rows)))


def autoregressive(correlation: float) -> Rows:
    def generate(rng: np.random.Generator, rows: int) -> tuple[FloatArray, IntArray]:
        shocks = rng.standard_normal((NUMERIC + CATEGORICAL, rows + 200)) * np.sqrt(1 - correlation**2)
        return _mixed(lfilter([1], [1, -correlation], shocks, axis=1)[:, 200:])

    return generate


def sessions_of_ten(rng: np.random.Generator, rows: int) -> tuple[FloatArray, IntArray]:
    session = np.repeat(rng.standard_normal((NUMERIC + CATEGORICAL, rows // 10 + 1)), 10, axis=1)[:, :rows]
    numeric = np.sqrt(0.8) * session + np.sqrt(0.2) * rng.standard_normal(session.shape)
    return numeric[:NUMERIC], _codes(session[NUMERIC:])


def heavy_tails(rng: np.random.Generator, rows: int) -> tuple[FloatArray, IntArray]:
    return rng.standard_t(1.5, (NUMERIC, rows)), _codes(rng.standard_normal((CATEGORICAL, rows)))


def sixty_percent_zeros(rng: np.random.Generator, rows: int) -> tuple[FloatArray, IntArray]:
    numeric = rng.standard_exponential((NUMERIC, rows)) * (rng.random((NUMERIC, rows)) >= 0.6)
    return numeric, _codes(rng.standard_normal((CATEGORICAL, rows)))


def constants_and_nulls(rng: np.random.Generator, rows: int) -> tuple[FloatArray, IntArray]:
    numeric, codes = independent(rng, rows)
    numeric[:7], numeric[7:14] = 4.25, np.nan
    return numeric, np.where(np.arange(CATEGORICAL)[:, None] < 2, -1, codes)


QUIET: dict[str, Rows] = {
    "independent": independent,
    "AR(1) 0.3": autoregressive(0.3),
    "AR(1) 0.6": autoregressive(0.6),
    "AR(1) 0.9": autoregressive(0.9),
    "sessions of ten": sessions_of_ten,
    "heavy tails": heavy_tails,
    "60 % zeros": sixty_percent_zeros,
    "constant and all-null columns": constants_and_nulls,
}


def false_alarms(rows: Rows, total: int, rng: np.random.Generator, *, measure: bool = True) -> int:
    """How many times a stream alarms in ``total`` quiet rows; a stream that alarmed starts again."""
    reference = reference_of(rows(rng, REFERENCE_ROWS))
    state = fresh = watch(reference, quiet_panes(reference, rows, rng) if measure else None)
    line = _log_line(reference)
    alarms = 0
    for _ in range(0, total, CHUNK_PANES * PANE_ROWS):
        for pane in quiet_panes(reference, rows, rng, CHUNK_PANES):
            state = after(state, pane)
            crossed = int((state.log_statistics >= line).sum())
            alarms, state = alarms + crossed, fresh if crossed else state
    return alarms


def false_alarms_of_a_day(days: int, rng: np.random.Generator, panes_per_hour: int = 20) -> int:
    """A daily sine of one standard deviation on all numerics, each hour with its own reference; products carry over."""
    shifts = np.sin(2 * np.pi * np.arange(HOURS) / HOURS)
    hours = []
    for shift in shifts:
        numeric, codes = independent(rng, REFERENCE_ROWS)
        reference = reference_of((numeric + shift, codes))
        hours.append((shift, reference, watch(reference)))
    state, line, alarms = hours[0][2], _log_line(hours[0][1]), 0
    for shift, reference, bets in hours * days:
        for _ in range(panes_per_hour):
            numeric, codes = independent(rng, PANE_ROWS)
            carried = type(state)(bets.score_bets, bets.rate_bets, state.scores, state.rates)
            state = after(carried, count_pane(reference, numeric + shift, codes))
            crossed = int((state.log_statistics >= line).sum())
            alarms, state = alarms + crossed, bets if crossed else state
    return alarms


def delays(
    change: Callable[[FloatArray], FloatArray], runs: int, rng: np.random.Generator, *, measure: bool = True
) -> FloatArray:
    """Rows from a change on one of twenty features to the alarm, one per run; inf beyond 40,000 rows."""
    return np.array([_delay(change, rng, measure=measure) for _ in range(runs)])


def _delay(change: Callable[[FloatArray], FloatArray], rng: np.random.Generator, *, measure: bool) -> float:
    """Only the changed feature is simulated: the others share its line, and their alarms are counted elsewhere."""

    def one(generator: np.random.Generator, rows: int) -> tuple[FloatArray, IntArray]:
        return generator.standard_normal((1, rows)), np.zeros((0, rows), np.int64)

    reference = reference_of(one(rng, REFERENCE_ROWS))
    quiet = quiet_panes(reference, one, rng)
    state = watch(reference, quiet if measure else None)
    for pane in quiet[:40]:
        state = after(state, pane)
    for pane_number in range(1, 40_000 // PANE_ROWS):
        numeric, codes = one(rng, PANE_ROWS)
        state = after(state, count_pane(reference, change(numeric), codes))
        if (state.log_statistics >= _log_line()).any():
            return float(pane_number * PANE_ROWS)
    return np.inf


def bound_below_truth(shift: float, scale: float, rows: int, runs: int, rng: np.random.Generator) -> float:
    """Share of runs in which the lower bound of the stability index lies below the true index of the deciles."""
    held = 0
    for _ in range(runs):
        bins = numeric_reference(rng.standard_normal(REFERENCE_ROWS))
        groups = decile_groups(bins.counts)
        before = np.diff(ndtr(bins.edges), prepend=0, append=1)
        after_change = np.diff(ndtr((bins.edges - shift) / scale), prepend=0, append=1)
        p, q = np.bincount(groups, before), np.bincount(groups, after_change)
        live = grouped(rng.multinomial(rows, after_change), groups)
        effect = population_stability(grouped(bins.counts, groups), live)
        held += effect is None or effect.lower <= float((q - p) @ np.log(q / p))
    return held / runs


def concept_days(
    error_rate: float, reference_labels: int, runs: int, rng: np.random.Generator, days: int = 120
) -> FloatArray:
    """Day on which 1,000 labels a day alarm, against a reference of 10 % errors; inf if not in ``days``.

    The line is 120 days / 5 %: a quiet 120 days then stay quiet in 95 of 100.
    """
    hits = rng.binomial(reference_labels, 0.1, runs)
    bets = stack([rate_bets(int(count), reference_labels, 1) for count in hits])
    state, crossed = no_evidence(bets), np.full(runs, np.inf)
    for day in range(1, days + 1):
        errors = rng.binomial(1_000, error_rate, runs)
        state = after_pane(state, bets, np.stack((1_000 - errors, errors), axis=1))
        crossed = np.where((log_statistic(state, bets) >= np.log(120 / 0.05)) & np.isinf(crossed), day, crossed)
    return crossed


def kernel_rows_per_second(rows: int, rng: np.random.Generator, batch: int = 5_000) -> tuple[float, int]:
    """(rows of 25 features counted and judged in a second of processor time, bytes of state)."""
    reference = reference_of(independent(rng, REFERENCE_ROWS))
    numeric, codes = independent(rng, rows)
    state = watch(reference)
    before = time.process_time()
    for start in range(0, rows, batch):
        state = after(state, count_pane(reference, numeric[:, start : start + batch], codes[:, start : start + batch]))
    return rows / (time.process_time() - before), state.size_bytes


def _log_line(reference: Reference | None = None) -> float:
    streams = reference.streams if reference else 3 * NUMERIC + 7 * CATEGORICAL
    return float(np.log(alarm_line(BUDGET_ROWS / PANE_ROWS, streams)))


def _mixed(normal: FloatArray) -> tuple[FloatArray, IntArray]:
    return normal[:NUMERIC], _codes(normal[NUMERIC:])


def _codes(normal: FloatArray) -> IntArray:
    return np.searchsorted([0.4, 0.7, 0.9, 0.98], ndtr(normal)).astype(np.int64)
