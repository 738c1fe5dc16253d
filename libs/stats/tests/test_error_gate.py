from math import comb, exp, log

import numpy as np
import pytest

from flyball.stats.error_gate import (
    after_outcome,
    clean_audits_needed,
    detector_lambdas,
    error_detector,
    log_gate_evidence,
    log_stratified_evidence,
)


@pytest.mark.parametrize(("limit", "needed"), [(0.04, 111), (0.03, 149), (0.025, 179), (0.02, 225), (0.01, 452)])
def test_zero_errors_needed(limit: float, needed: int) -> None:
    assert clean_audits_needed(limit) == needed
    assert log_gate_evidence(0, needed, limit) >= log(20) > log_gate_evidence(0, needed - 1, limit)


def test_one_error_needs_more() -> None:
    needed = clean_audits_needed(0.03, errors=1)
    assert needed > 149
    assert log_gate_evidence(1, needed, 0.03) >= log(20) > log_gate_evidence(1, needed - 1, 0.03)


def test_the_formula_by_hand() -> None:
    lambdas = np.array([0.1, 0.3, 0.6, 0.9]) / 0.96
    expected = np.mean(np.exp(2 * np.log(1 + lambdas * (0.04 - 1)) + 98 * np.log(1 + lambdas * 0.04)))
    assert exp(log_gate_evidence(2, 100, 0.04)) == pytest.approx(expected)


@pytest.mark.parametrize("limit", [0.01, 0.04, 0.3])
@pytest.mark.parametrize("excess", [0.0, 0.05])
def test_by_enumeration_a_system_at_the_limit_wins_nothing(limit: float, excess: float) -> None:
    rate, audited = limit + excess, 60
    mean = sum(
        comb(audited, k) * rate**k * (1 - rate) ** (audited - k) * exp(log_gate_evidence(k, audited, limit))
        for k in range(audited + 1)
    )
    assert mean <= 1 + 1e-9


def test_all_strata_must_pass() -> None:
    assert log_stratified_evidence([(0, 500), (3, 20)], 0.03) == log_gate_evidence(3, 20, 0.03)
    with pytest.raises(ValueError, match="one stratum"):
        log_stratified_evidence([], 0.03)


@pytest.mark.parametrize(("errors", "audited", "limit"), [(2, 1, 0.1), (-1, 1, 0.1), (0, 1, 0.0), (0, 1, 1.0)])
def test_impossible_counts_are_refused(errors: int, audited: int, limit: float) -> None:
    with pytest.raises(ValueError, match=r"cannot be|between 0 and 1"):
        log_gate_evidence(errors, audited, limit)


def test_the_detector_by_hand() -> None:
    detector = after_outcome(after_outcome(error_detector(0.05), error=True), error=False)
    lambdas = np.array(detector_lambdas(0.05))
    won, lost = 1 + lambdas * 0.95, 1 - lambdas * 0.05
    assert exp(detector.log_statistic) == pytest.approx(np.mean((won + 1) * lost))


@pytest.mark.parametrize("limit", [0.01, 0.3, 0.85, 0.99])
def test_detector_bets_never_go_broke(limit: float) -> None:
    assert all(0 < stake < 1 / limit for stake in detector_lambdas(limit))


def test_a_run_of_errors_alarms_and_the_tolerated_rate_does_not() -> None:
    detector = error_detector(0.02)
    for _ in range(8):
        detector = after_outcome(detector, error=True)
    assert detector.alarms
    detector = error_detector(0.02)
    for number in range(2_000):
        detector = after_outcome(detector, error=number % 50 == 49)
        assert not detector.alarms
