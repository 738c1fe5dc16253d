"""The bench's figures in a short, seeded form. What is allowed is the budget and its binomial margin at 1 in 1,000."""

import numpy as np
import pytest
from scipy.stats import binom

from flyball.stats.count_bets import score_bets, stack
from flyball.stats.error_gate import after_outcome, error_detector, log_gate_evidence
from flyball.stats.reference import count_numeric, numeric_reference
from flyball.stats.sample_ratio import log_sample_ratio_evidence
from flyball.stats.shiryaev_roberts import after_pane, alarm_line, log_statistic, no_evidence
from tests.bench.statistics_drift import (
    QUIET,
    bound_below_truth,
    concept_days,
    delays,
    false_alarms,
    false_alarms_of_a_day,
    kernel_rows_per_second,
)
from tests.bench.statistics_releases import Traffic, simulated

pytestmark = pytest.mark.seeds

RUNS = 1_000


def allowed(chance: float, runs: int = RUNS) -> int:
    return int(binom.ppf(0.999, runs, chance))


@pytest.mark.parametrize("pane_rows", [5, 50, 500])
def test_quiet_drift_runs_stay_in_their_budget_however_often_one_looks(pane_rows: int) -> None:
    rng, panes = np.random.default_rng(1), 50
    bets = stack([score_bets(counts) for counts in rng.multinomial(10_000, np.full(20, 0.05), RUNS)])
    state, alarmed = no_evidence(bets), np.zeros(RUNS, bool)
    for _ in range(panes):
        state = after_pane(state, bets, rng.multinomial(pane_rows, np.full(20, 0.05), RUNS))
        alarmed |= log_statistic(state, bets) >= np.log(alarm_line(1_000, 1))
    assert alarmed.sum() <= allowed(panes / 1_000)


@pytest.mark.parametrize("kind", QUIET)
def test_quiet_streams_of_every_kind_raise_no_alarm(kind: str) -> None:
    assert false_alarms(QUIET[kind], 50_000, np.random.default_rng(2)) == 0


def test_a_daily_sine_with_hourly_references_raises_no_alarm() -> None:
    assert false_alarms_of_a_day(2, np.random.default_rng(3), panes_per_hour=5) == 0


@pytest.mark.parametrize(
    ("shift", "scale", "rows"), [(0.5, 1, 512), (0.2, 1, 1_500), (0.1, 1, 6_000), (0, 1.25, 1_500)]
)
def test_a_change_of_one_feature_is_found_in_time(shift: float, scale: float, rows: int) -> None:
    assert np.median(delays(lambda values: values * scale + shift, 41, np.random.default_rng(4))) <= rows


@pytest.mark.parametrize(("shift", "scale"), [(0, 1), (0.2, 1), (1, 1), (0, 1.5)])
def test_the_severity_bound_lies_below_the_truth(shift: float, scale: float) -> None:
    missed = 1 - bound_below_truth(shift, scale, 2_000, 400, np.random.default_rng(5))
    assert missed * 400 <= allowed(0.05, 400)


def test_concept_drift_is_found_in_days_and_quiet_months_are_quiet() -> None:
    rng = np.random.default_rng(6)
    assert np.median(concept_days(0.12, 10_000, 300, rng)) <= 14
    assert np.median(concept_days(0.15, 10_000, 300, rng)) <= 2
    assert np.isfinite(concept_days(0.10, 10_000, 300, rng)).sum() <= allowed(0.05, 300)


@pytest.mark.parametrize("reshaped", [np.exp, np.negative])
def test_verdicts_do_not_depend_on_the_scale(reshaped: np.ufunc) -> None:
    rng = np.random.default_rng(7)
    training, live = rng.standard_normal(10_000), rng.standard_normal((60, 128))
    live[30:] += 0.3
    assert first_alarm(training, live) == first_alarm(reshaped(training), reshaped(live)) > 30


def first_alarm(training: np.ndarray, live: np.ndarray) -> int:
    reference = numeric_reference(training)
    bets = score_bets(reference.counts)
    state = no_evidence(bets)
    for pane, rows in enumerate(live):
        state = after_pane(state, bets, [count_numeric(reference, rows).counts])
        if log_statistic(state, bets)[0] >= np.log(alarm_line(10_000, 1)):
            return pane
    return -1


@pytest.mark.parametrize("traffic", [{}, {"incidents": True, "drift": True}])
@pytest.mark.parametrize("per_second", [1, 10, 100])
def test_healthy_releases_are_rarely_rolled_back_although_every_block_is_looked_at(
    traffic: dict[str, bool], per_second: int
) -> None:
    outcome = simulated(Traffic(RUNS, per_second, 0.01, minutes=45, **traffic), np.random.default_rng(8))
    assert np.isfinite(outcome.harm).sum() <= allowed(0.01)


def test_bad_releases_are_found_in_minutes() -> None:
    rng = np.random.default_rng(9)
    assert np.median(simulated(Traffic(100, 100, 0.01, 0.01, minutes=40), rng).harm) <= 10
    assert np.median(simulated(Traffic(100, 100, 0.01, 0.03, minutes=40), rng).harm) <= 5


def test_healthy_releases_are_promoted_and_worse_ones_are_not() -> None:
    rng = np.random.default_rng(10)
    assert np.median(simulated(Traffic(100, 100, 0.01, minutes=60), rng).promotion) <= 30
    worse = simulated(Traffic(RUNS, 100, 0.01, 0.005, minutes=90), rng)
    assert np.isfinite(worse.promotion).sum() <= allowed(0.05)


def test_a_kept_plan_is_rarely_refused_at_any_of_many_looks() -> None:
    rng = np.random.default_rng(11)
    units = rng.binomial(500, 0.05, (RUNS, 40)).cumsum(axis=1)
    refused = 0
    for run in units:
        looks = ((int(seen), 500 * look - int(seen)) for look, seen in enumerate(run, start=1))
        refused += any(log_sample_ratio_evidence(counts, (500, 9_500)) >= np.log(100) for counts in looks)
    assert refused <= allowed(0.01)


def test_the_error_gate_rarely_opens_for_a_system_at_the_limit() -> None:
    rng = np.random.default_rng(12)
    errors = rng.binomial(20, 0.03, (RUNS, 40)).cumsum(axis=1)
    looks = 20 * np.arange(1, 41)
    opened = sum(
        any(log_gate_evidence(int(k), int(n), 0.03) >= np.log(20) for k, n in zip(run, looks, strict=True))
        for run in errors
    )
    assert opened <= allowed(0.05)


def test_the_error_detector_is_quiet_at_the_limit_and_quick_beyond_it() -> None:
    rng = np.random.default_rng(13)
    assert sum(audits_until_alarm(0.02, 500, rng) < 500 for _ in range(30)) <= allowed(0.05, 30)
    assert np.median([audits_until_alarm(0.1, 500, rng) for _ in range(15)]) <= 150


def audits_until_alarm(rate: float, audits: int, rng: np.random.Generator) -> int:
    detector = error_detector(0.02)
    for number, error in enumerate(rng.random(audits) < rate):
        detector = after_outcome(detector, error=bool(error))
        if detector.alarms:
            return number
    return audits


def test_the_kernel_keeps_up_and_its_state_is_small() -> None:
    rows_per_second, size_bytes = kernel_rows_per_second(100_000, np.random.default_rng(14))
    assert rows_per_second >= 500_000
    assert size_bytes < 20_000
