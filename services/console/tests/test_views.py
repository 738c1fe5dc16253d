"""What pages show, from what services say: worst first, and unknown never as a figure."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from console.adapters.drift import Mark
from console.pages import reviews_view, system_view, words
from console.pages.audit_view import Wanted, choices
from console.pages.burn_down import Marker, burn_down
from console.pages.fleet_view import Fleet, fleet
from console.pages.heat_map import heat_map
from console.pages.histograms import histograms
from console.pages.knowledge import Known, Panel, Unknown, picture
from flyball.schemas.drift import CategoricalReference, DriftReference, LiveCounts, NumericReference

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
AWAY = Unknown("budget-ledger", NOW, "nobody answers")


def statement(dimension: str, zone: str, remaining_ppm: int | None) -> dict[str, Any]:
    return {"dimension": dimension, "zone": zone, "remaining_ppm": remaining_ppm}


def budgets(**systems: list[dict[str, Any]]) -> Known[list[dict[str, Any]]]:
    return Known([{"system": name, "budgets": found} for name, found in systems.items()])


def total(system: str) -> dict[str, Any]:
    figures = {"published": 9, "counted": 7, "duplicates": 1, "rejected": 1, "late": 2}
    return {"system": system, "last_seen_at": NOW.isoformat(), **figures}


def shown(budget: Panel[Any], totals: Panel[Any] = AWAY, incidents: Panel[Any] = AWAY) -> Fleet:
    return fleet(["declared"], budget, totals, Known([]), incidents)


def test_the_worst_budget_of_the_worst_system_comes_first() -> None:
    found = shown(
        budgets(
            calm=[statement("accuracy", "green", 900_000)],
            quiet=[statement("accuracy", "no_data", None)],
            bad=[statement("accuracy", "red", -200_000), statement("safety", "green", 990_000)],
            worse=[statement("availability", "freeze", -900_000), statement("accuracy", "red", 100_000)],
        )
    )
    assert [row.system for row in found.rows] == ["worse", "bad", "calm", "declared", "quiet"]
    assert [row.spent.dimension for row in found.rows if row.spent][:2] == ["availability", "accuracy"]
    assert found.tally == {"bad": 2, "warn": 0, "good": 1, "none": 2}


def test_what_nobody_could_say_is_none_and_what_nothing_happened_to_is_nought() -> None:
    away = shown(AWAY, AWAY, AWAY).rows[0]
    assert (away.spent, away.measured, away.troubles) == (None, None, None)
    here = shown(budgets(), Known([total("support")]), Known([])).rows
    assert [row.system for row in here] == ["declared", "support"]
    assert here[0].measured
    assert here[0].measured.counted == 0
    assert here[1].measured
    assert (here[1].measured.counted, here[1].measured.late) == (7, 2)
    assert here[0].spent
    assert here[0].spent.remaining_ppm is None
    assert here[0].troubles
    assert here[0].troubles.count == 0


def test_an_incident_counts_for_each_of_its_systems_by_its_worst_severity() -> None:
    incidents = [
        {"systems": ["a", "declared"], "severity": {"scheme": "p1p4", "value": "P2"}},
        {"systems": ["declared"], "severity": {"scheme": "p0p3", "value": "P3"}},
    ]
    rows = {row.system: row.troubles for row in shown(budgets(), AWAY, Known(incidents)).rows}
    assert rows["declared"]
    assert (rows["declared"].count, rows["declared"].worst) == (2, 1)


def test_an_answer_of_another_release_is_unknown() -> None:
    assert isinstance(picture(Known([{"sistem": 1}]), lambda items: items[0]["system"]), Unknown)
    assert picture(AWAY, len) is AWAY


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (words.percent(749_999), "74.9 %"),
        (words.percent(-1), "-0.1 %"),
        (words.percent(None), "unknown"),
        (words.rate(None), "unknown"),
        (words.rate(14.44), "14.4\u00d7"),
        (words.count(1_234_567), "1\u202f234\u202f567"),
        (words.until(NOW + timedelta(minutes=12), NOW), "in 12 min"),
        (words.until(NOW - timedelta(days=1, hours=2, minutes=3), NOW), "1 d 2 h over"),
        (words.ago(NOW - timedelta(seconds=90), NOW), "1 min ago"),
        (words.moment(None), "unknown"),
    ],
)
def test_figures_are_words(said: str, expected: str) -> None:
    assert said == expected


def spans(*burned: int, granted: int = 100) -> list[dict[str, Any]]:
    return [
        {"at": (NOW + timedelta(hours=n)).isoformat(), "granted": granted, "burned": b} for n, b in enumerate(burned)
    ]


def test_a_budget_burns_down_from_all_to_what_is_left() -> None:
    marks = [Marker(NOW + timedelta(hours=1), "2.1.0 canary"), Marker(NOW - timedelta(hours=1), "before")]
    drawn = burn_down(spans(0, 100, 50, 0), {"granted": 400}, marks)
    assert drawn is not None
    assert [point.left for point in drawn.points] == [100, 75, 62.5, 62.5]
    assert [point.even for point in drawn.points] == [75, 50, 25, 0]
    assert [mark.text for mark in drawn.markers] == ["2.1.0 canary"]
    assert (drawn.x(NOW), drawn.y(100), drawn.lowest) == (46, 18, 0)


def test_debt_goes_below_the_line_and_time_is_spent_by_the_clock() -> None:
    drawn = burn_down(spans(300, 260, granted=0), {"granted": 400}, [])
    assert drawn is not None
    assert ([point.left for point in drawn.points], drawn.lowest) == ([25, -40], -50)
    assert [point.even for point in drawn.points] == [50, 0]
    assert burn_down(spans(1), {"granted": 400}, []) is None
    assert burn_down(spans(1, 1), {"granted": 0}, []) is None


def test_a_dimension_says_how_good_it_is_now() -> None:
    said = {
        "statement": {
            **statement("accuracy", "yellow", 600_000),
            "target_ppm": 950_000,
            "granted": 5_000_000,
            "burned": 2_000_000,
            "zone_since": None,
            "weight_milli": 1_000,
        },
        "dimension": "accuracy",
        "burn_rate": 0.4,
        "formula": "",
    }
    each = system_view.dimension(said, {})
    assert (each.current_ppm, each.granted, each.burned) == (980_000, "5.0 events", "2.0 events")
    assert system_view.dimension({**said, "burn_rate": None}, {}).current_ppm is None


def asked(review_id: str, **fields: Any) -> dict[str, Any]:
    plain = {
        "review_id": review_id, "kind": "approval", "system": "support", "action_class": "refunds", "severity": 2,
        "question": "May it?", "arguments": {"b": [1], "a": "x"},
        "proposal": "require_approval at L0", "state": "pending",
        "claimed_by": None, "approved_by": [], "approvals_needed": 1, "resolution": None, "refused_by": None,
        "digest": "0" * 64, "opened_at": "2026-11-21T11:00:00Z", "respond_by": "2026-11-21T15:00:00Z",
        "valid_until": "2026-11-21T12:10:00Z",
    }  # fmt: skip
    return {**plain, **fields}


def test_the_queue_is_by_severity_and_what_is_due_and_audits_last() -> None:
    items = [
        asked("audit", kind="audit", severity=0),
        asked("later", respond_by="2026-11-21T16:00:00Z"),
        asked("soon"),
        asked("grave", severity=0),
    ]
    queue = reviews_view.queue(items, NOW)
    assert [each.review_id for each in queue] == ["grave", "soon", "later", "audit"]
    assert [reviews_view.following(queue, name) for name in ("grave", "audit", "gone")] == ["soon", "grave", "grave"]
    assert reviews_view.following(queue[:1], "grave") is None


def test_who_must_judge_first_sees_no_proposal_and_clocks_have_tones() -> None:
    found = reviews_view.review(asked("one", proposal=None), NOW)
    assert (found.judge_first, found.respond.tone, found.valid.tone) == (True, "none", "warn")
    assert found.arguments == [("a", "x"), ("b", "[\n  1\n]")]
    late = reviews_view.review(asked("two", state="expired", proposal=None), NOW + timedelta(days=1))
    assert (late.judge_first, late.valid.tone) == (False, "bad")


def test_records_are_found_by_field_and_by_text() -> None:
    record = {
        "system": "support", "service": "budget-ledger", "kind": "budget.zone", "actor": "service:budget-ledger",
        "subject": "default/support/accuracy", "decision": "red", "reason": "49.8 % left",
    }  # fmt: skip
    assert Wanted(system="Support", text="49.8").fits(record)
    assert not Wanted(system="sup").fits(record)
    assert not Wanted(text="green").fits(record)
    assert Wanted().anything
    assert choices([record]).kind == ["budget.zone"]


def test_a_state_holds_until_the_next_report() -> None:
    marks = [
        Mark("fraud", "amount", NOW - timedelta(minutes=5), "low", "drift"),
        Mark("fraud", "amount", NOW - timedelta(minutes=31), "critical", "drift"),
        Mark("fraud", "amount", NOW - timedelta(minutes=31, seconds=20), "none", "ok"),
        Mark("fraud", "hour", NOW - timedelta(minutes=40), "none", "ok"),
    ]
    found = heat_map(marks, "", NOW)
    assert (found.span, [row.feature for row in found.rows]) == ("1h", ["amount", "hour"])
    letters = "".join(cell.letter or "_" for cell in found.rows[0].cells)
    assert letters == "_" * 11 + "C" * 11 + "CL"
    assert heat_map([], "7d", NOW).rows == []


def reference(**features: Any) -> DriftReference:
    return DriftReference(
        tenant="default", system="fraud", version=1, effective_at=NOW, release=None, rows=1_000, features=features,
        source="file", author="user:ada", created_at=NOW,
    )  # fmt: skip


def test_both_histograms_stand_on_the_same_bins() -> None:
    known = NumericReference(
        kind="numeric", edges=(1.0, 2.0), counts=(400, 200, 400), rows=1_000, nulls=0, minimum=0, maximum=9,
        standard_deviation=1,
    )  # fmt: skip
    drawn = histograms(reference(amount=known), "amount", LiveCounts(panes=1, rows=100, bins=(10, 20, 70)))
    assert drawn is not None
    assert [(each.label, each.live_share) for each in drawn.bins] == [
        ("under 1", 0.1),
        ("1 to 2", 0.2),
        ("2 and more", 0.7),
    ]
    assert drawn.index == pytest.approx(sum(each.contribution for each in drawn.bins))
    assert max(drawn.bins, key=lambda each: each.contribution).label == "under 1"
    assert histograms(reference(amount=known), "amount", LiveCounts(panes=1, rows=1, bins=(1,))) is None
    assert histograms(reference(amount=known), "other", LiveCounts(panes=1, rows=1)) is None


def test_rare_categories_stand_together_and_new_ones_apart() -> None:
    counts = {f"c{n:02}": 100 - n for n in range(20)}
    known = CategoricalReference(kind="categorical", counts=counts, rows=sum(counts.values()), nulls=0)
    drawn = histograms(reference(c=known), "c", LiveCounts(panes=1, rows=50, categories={"c19": 40}, new=10))
    assert drawn is not None
    assert len(drawn.bins) == 12
    assert drawn.bins[0].label == "c19"
    assert [each.label for each in drawn.bins[-2:]] == ["10 others", "new"]
