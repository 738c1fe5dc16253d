"""What a change of the data leads to: an episode, its severity, one alert, and an end."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from drift_builders import (
    PANE,
    PANE_ROWS,
    Detector,
    Rows,
    items,
    learn_anew,
    pane_at,
    reference_of,
)

from drift_detector.adapters.rows import arrays_of, head_of, state_of
from drift_detector.domain.audit import KIND, decide_again
from drift_detector.messages import message_of
from flyball.schemas.audit import AuditRecord
from flyball.schemas.drift import DriftPolicy, DriftReference, RetrainingRequested
from flyball.schemas.summaries import MeasurementStatistics

QUIET_PANES = 200
POLICY = DriftPolicy(lateness_seconds=0)


def rows(rng: np.random.Generator, panes: int, shift: float = 0.0) -> dict[str, list[float | str | None]]:
    size = panes * PANE_ROWS
    return {
        "amount": [*(rng.standard_normal(size) + shift).tolist()],
        "age": [*rng.standard_normal(size).tolist()],
        "country": [*rng.choice(["de", "fr", "ro"], size, p=[0.7, 0.2, 0.1]).tolist()],
    }


@pytest.fixture(scope="module")
def watched() -> tuple[DriftReference, Detector]:
    """A detector that has been calibrated on quiet rows."""
    rng = np.random.default_rng(4)
    reference = reference_of(rows(rng, 100))
    detector = Detector([reference], POLICY).give(items(rows(rng, QUIET_PANES), reference))
    assert detector.state.calibration is not None
    assert [(one.feature, one.state) for one in detector.reports] == [
        ("age", "ok"),
        ("amount", "ok"),
        ("country", "ok"),
    ]
    assert detector.news == []
    return reference, detector


def after(watched: tuple[DriftReference, Detector], changed: Rows) -> Detector:
    reference, detector = watched
    return detector.copy().give(items(changed, reference, first_pane=QUIET_PANES))


def test_a_shift_is_one_episode_with_one_alert_and_its_end(watched: tuple[DriftReference, Detector]) -> None:
    reference = watched[0]
    rng = np.random.default_rng(5)
    detector = after(watched, rows(rng, 30, shift=0.7))
    alert, report = detector.alerts[0], detector.reports[-1]
    assert {(one.status, one.fingerprint, one.started_at) for one in detector.alerts} == {
        ("firing", "drift.feature/card-fraud/data/amount", alert.started_at)
    }
    assert (report.feature, report.type, report.state, report.severity) == ("amount", "data", "drift", "critical")
    assert report.evidence.statistic >= report.evidence.threshold
    assert {one.episode for one in detector.reports} == {"data/amount/1"}
    assert pane_at(QUIET_PANES) - PANE <= report.changed_at <= pane_at(QUIET_PANES) + PANE
    assert report.live is not None
    assert sum(report.live.bins) == report.live.rows
    requests = [fact for fact in detector.facts if isinstance(fact, RetrainingRequested)]
    assert {one.episode for one in requests} == {report.episode}
    assert requests[-1].priority == "urgent"

    detector.facts.clear()
    detector.give(items(rows(rng, 80), reference, first_pane=QUIET_PANES + 30))
    assert [one.state for one in detector.reports] == ["recovered"]
    (resolved,) = detector.alerts
    assert (resolved.status, resolved.started_at, resolved.fingerprint) == (
        "resolved",
        alert.started_at,
        alert.fingerprint,
    )


def test_alerts_that_one_summary_led_to_have_ids_of_their_own(watched: tuple[DriftReference, Detector]) -> None:
    """High and critical have one urgency; readers must not take the second for the first come again."""
    detector = after(watched, rows(np.random.default_rng(5), 30, shift=0.8))
    assert {one.labels["severity"] for one in detector.alerts} >= {"high", "critical"}
    ids = {dict(message_of(one, pane_at(0)).headers)["ce_id"] for one in detector.alerts}
    assert len(ids) == len(detector.alerts)


def test_an_alert_is_said_again_when_its_severity_rises(watched: tuple[DriftReference, Detector]) -> None:
    changed = rows(np.random.default_rng(6), 40)
    creeping = np.linspace(0, 1.5, len(changed["amount"]))
    changed["amount"] = [float(value) + move for value, move in zip(changed["amount"], creeping, strict=True)]  # type: ignore[arg-type]
    detector = after(watched, changed)
    severities = [one.severity for one in detector.reports if one.state == "drift"]
    assert severities == sorted(severities, key=["low", "medium", "high", "critical"].index)
    assert len(set(severities)) == len(severities) > 1
    assert {alert.fingerprint for alert in detector.alerts} == {"drift.feature/card-fraud/data/amount"}
    assert len({alert.started_at for alert in detector.alerts}) == 1


def test_thirty_percent_out_of_range_is_critical(watched: tuple[DriftReference, Detector]) -> None:
    changed = rows(np.random.default_rng(7), 20)
    changed["age"][::10] = changed["age"][1::10] = changed["age"][2::10] = [99.0] * (20 * PANE_ROWS // 10)
    report = after(watched, changed).reports[-1]
    assert (report.feature, report.state, report.severity) == ("age", "drift", "critical")
    assert report.effects[0].out_of_range_rate == pytest.approx(0.3)


def test_twenty_percent_nulls_alarm(watched: tuple[DriftReference, Detector]) -> None:
    changed = rows(np.random.default_rng(8), 20)
    changed["age"][::5] = [None] * (20 * PANE_ROWS // 5)
    detector = after(watched, changed)
    assert detector.reports[-1].feature == "age"
    assert detector.reports[-1].evidence.stream == "nulls"
    assert detector.reports[-1].severity == "critical"
    assert len({alert.fingerprint for alert in detector.alerts}) == 1


def test_a_new_class_and_a_vanished_one_are_scored(watched: tuple[DriftReference, Detector]) -> None:
    for change, stream in (({"ro": "xx"}, "new"), ({"ro": "fr"}, "= ro")):
        changed = rows(np.random.default_rng(9), 40)
        changed["country"] = [change.get(str(value), value) for value in changed["country"]]
        report = after(watched, changed).reports[-1]
        assert (report.feature, report.state) == ("country", "drift")
        assert report.severity in ("medium", "high", "critical"), change
        assert report.evidence.stream in (stream, "= ro", "= fr")
        assert report.effects[-1].psi is not None


def test_one_outlier_changes_nothing_in_the_window_or_in_training(watched: tuple[DriftReference, Detector]) -> None:
    rng = np.random.default_rng(10)
    changed = rows(rng, 20)
    changed["amount"][7] = 1e300
    assert after(watched, changed).facts == []
    training = rows(rng, 100)
    training["amount"][3] = -1e300
    reference = reference_of(training)
    detector = Detector([reference], POLICY).give(items(rows(rng, QUIET_PANES + 20), reference))
    assert detector.news == []


def test_constant_and_all_null_features_are_watched_without_a_crash() -> None:
    rng = np.random.default_rng(11)

    def odd(panes: int) -> Rows:
        size = panes * PANE_ROWS
        return {"constant": [4.25] * size, "nothing": [*[None] * (size - 1), None], "code": ["only"] * size}

    reference = reference_of(odd(10))
    detector = Detector([reference], POLICY).give(items(odd(QUIET_PANES + 5), reference))
    assert detector.news == []
    detector.facts.clear()
    moved = {**odd(10), "constant": rng.standard_normal(10 * PANE_ROWS).tolist()}
    detector.give(items(moved, reference, first_pane=QUIET_PANES + 5))
    assert {(one.feature, one.state) for one in detector.reports} == {("constant", "drift")}


def test_nothing_alarms_before_the_dependence_of_rows_is_known(watched: tuple[DriftReference, Detector]) -> None:
    reference, _ = watched
    rng = np.random.default_rng(12)
    detector = Detector([reference], POLICY).give(items(rows(rng, QUIET_PANES - 1, shift=0.5), reference))
    assert detector.facts == []
    detector.give(items(rows(rng, 1, shift=0.5), reference, first_pane=QUIET_PANES - 1))
    assert [(one.feature, one.state) for one in detector.reports] == [
        ("amount", "drift"),
        ("age", "ok"),
        ("country", "ok"),
    ]


def test_rows_count_as_independent_where_calibration_is_left_out(watched: tuple[DriftReference, Detector]) -> None:
    reference, _ = watched
    hasty = Detector([reference], POLICY.model_copy(update={"calibration_panes": 1}))
    hasty.give(items(rows(np.random.default_rng(16), 5, shift=0.5), reference))
    assert ("amount", "drift") in [(one.feature, one.state) for one in hasty.reports]
    assert {one.evidence.dispersion for one in hasty.reports} == {1.0}


def test_another_reference_ends_every_episode(watched: tuple[DriftReference, Detector]) -> None:
    rng = np.random.default_rng(13)
    detector = after(watched, rows(rng, 20, shift=0.5))
    detector.facts.clear()
    detector.references.append(learn_anew(2, pane_at(QUIET_PANES + 25)))
    detector.give(items(rows(rng, 5, shift=0.5), detector.references[-1], first_pane=QUIET_PANES + 25))
    assert [one.state for one in detector.reports] == ["recovered"]
    assert [alert.status for alert in detector.alerts] == ["resolved"]
    (record,) = [fact for fact in detector.facts if isinstance(fact, AuditRecord)]
    assert decide_again(record.inputs) == record.decision == "recovered/none"
    assert (detector.state.version, detector.state.learned_rows, len(detector.kept)) == (2, 500, 5)
    stale = items(rows(rng, 1), watched[0], first_pane=QUIET_PANES + 19)
    before = detector.state.panes
    detector.give(stale)
    assert (detector.state.unreferenced_rows, detector.state.panes) == (PANE_ROWS, before)


def test_every_recorded_decision_comes_out_the_same_again(watched: tuple[DriftReference, Detector]) -> None:
    rng = np.random.default_rng(14)
    detector = after(watched, rows(rng, 20, shift=0.5))
    detector.give(items(rows(rng, 80), watched[0], first_pane=QUIET_PANES + 20))
    records = [fact for fact in detector.facts if isinstance(fact, AuditRecord)]
    assert [record.decision for record in records][-1] == "recovered/none"
    assert len(records) > 1
    for record in records:
        assert record.kind == KIND
        again = AuditRecord.model_validate_json(record.model_dump_json())
        assert decide_again(again.inputs) == record.decision
        assert decide_again({**again.inputs, "log_statistic": "-3.5", "state": "ok"}) != record.decision


def test_a_pane_waits_for_rows_that_are_late_by_the_brokers_time(watched: tuple[DriftReference, Detector]) -> None:
    reference, detector = watched
    patient = detector.copy()
    patient.policy = DriftPolicy(lateness_seconds=60)
    first, *others = items(rows(np.random.default_rng(15), 9), reference, first_pane=QUIET_PANES)
    patient.give([first, *others[:5]])
    assert patient.panes == []
    patient.give(others[5:6])
    assert [pane.start for pane in patient.panes] == [first.summary.bucket_start]
    late = patient.copy().give([type(first)(first.summary, first.recorded_at + timedelta(minutes=9))])
    assert len(late.state.open_panes) <= 1, "what comes for a judged pane is a pane of its own"


def test_a_pane_that_came_while_the_feed_was_in_quarantine_is_not_judged(
    watched: tuple[DriftReference, Detector],
) -> None:
    reference, detector = watched
    shifted = items(rows(np.random.default_rng(5), 30, shift=0.7), reference, first_pane=QUIET_PANES)
    suspect = MeasurementStatistics(suspect=1)
    held = [replace(one, summary=one.summary.model_copy(update={"measurement": suspect})) for one in shifted]
    after = detector.copy().give(held)
    assert after.news == []
    assert after.state.suspect_panes + len(after.state.open_panes) == 30
    assert after.state.panes == detector.state.panes + len(detector.state.open_panes)
    assert state_of(head_of(after.state), arrays_of(after.state)).open_panes.keys() == after.state.open_panes.keys()
    assert all(pane.is_suspect for pane in state_of(head_of(after.state), arrays_of(after.state)).open_panes.values())


def test_no_reference_is_made_of_rows_from_a_quarantine() -> None:
    given = items(rows(np.random.default_rng(5), 3), None)
    suspect = MeasurementStatistics(suspect=1)
    held = [replace(one, summary=one.summary.model_copy(update={"measurement": suspect})) for one in given]
    assert Detector([], POLICY).give(held).state.learned_rows == 0 < Detector([], POLICY).give(given).state.learned_rows
