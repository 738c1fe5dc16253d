"""The same verdicts however rows are cut, shuffled, repeated, scaled, or interrupted."""

import random
from datetime import timedelta

import numpy as np
import pytest
from drift_builders import (
    PANE,
    SYSTEM,
    TENANT,
    Detector,
    Rows,
    learn_anew,
    pane_at,
    reference_of,
    summary_of,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from drift_detector.adapters.rows import arrays_of, head_of, packed_cells, state_of, unpacked_cells
from drift_detector.domain.decide import Item
from drift_detector.domain.layout import Layout
from drift_detector.domain.learn import learned
from drift_detector.domain.state import Pane
from flyball.schemas.drift import DriftPolicy, DriftReference, DriftReport
from flyball.schemas.summaries import GuardrailStatistics, PredictionStatistics

POLICY = DriftPolicy(lateness_seconds=30)
PANES, SHIFTED, PANE_ROWS = 200, 20, 60


def rows(rng: np.random.Generator, panes: int, shift: float = 0.0) -> dict[str, list[float | str | None]]:
    size = panes * PANE_ROWS
    return {
        "amount": [*(rng.standard_normal(size) + shift).tolist()],
        "country": [*rng.choice(["de", "fr", "ro"], size, p=[0.7, 0.2, 0.1]).tolist()],
    }


def live(transform: object = None) -> tuple[DriftReference, Rows]:
    """A reference, and quiet rows followed by shifted ones; numbers through ``transform``."""
    rng = np.random.default_rng(21)
    training, quiet, moved = rows(rng, 100), rows(rng, PANES), rows(rng, SHIFTED, shift=0.6)
    joined = {name: [*quiet[name], *moved[name]] for name in quiet}
    if transform is not None:
        for table in (training, joined):
            table["amount"] = [*transform(np.array(table["amount"], dtype=float)).tolist()]  # type: ignore[operator]
    return reference_of(training), joined


def told(detector: Detector) -> list[tuple[str, str, str, object, object]]:
    return [(one.feature, one.state, one.severity, one.pane_start, one.changed_at) for one in detector.reports]


def cut(table: Rows, reference: DriftReference, parts: int, seed: int | None = None) -> list[Item]:
    """Each pane in ``parts`` summaries of shuffled rows, as from so many partitions; all told before it is due."""
    shuffle, made = random.Random(seed), []
    for pane in range(PANES + SHIFTED):
        places = list(range(pane * PANE_ROWS, (pane + 1) * PANE_ROWS))
        if seed is not None:
            shuffle.shuffle(places)
        for part in range(parts):
            chunk = {name: [values[at] for at in places[part::parts]] for name, values in table.items()}
            made.append(Item(summary_of(chunk, pane_at(pane), reference), pane_at(pane) + PANE))
    return made


@pytest.fixture(scope="module")
def whole() -> tuple[DriftReference, Rows, Detector]:
    reference, table = live()
    return reference, table, Detector([reference], POLICY).give(cut(table, reference, 1))


def test_one_partition_or_eight_and_shuffled_rows(whole: tuple[DriftReference, Rows, Detector]) -> None:
    reference, table, once = whole
    assert ("amount", "drift") in [(one[0], one[1]) for one in told(once)]
    eight = Detector([reference], POLICY).give(cut(table, reference, 8, seed=5))
    assert [fact.model_dump() for fact in eight.facts] == [fact.model_dump() for fact in once.facts]


def test_a_restart_after_any_summary_changes_nothing(whole: tuple[DriftReference, Rows, Detector]) -> None:
    reference, table, once = whole
    stopped = Detector([reference], POLICY)
    for number, item in enumerate(cut(table, reference, 1)):
        stopped.give([item])
        if number % 37 == 0:
            stopped.state = state_of(head_of(stopped.state), arrays_of(stopped.state))
            stopped.recent = tuple(Pane(one.start, unpacked_cells(packed_cells(one.cells))) for one in stopped.recent)
    assert [fact.model_dump() for fact in stopped.facts] == [fact.model_dump() for fact in once.facts]


@pytest.mark.parametrize("transform", [np.exp, np.negative], ids=["exp(x)", "-x"])
def test_a_monotone_change_of_scale_changes_no_verdict(
    whole: tuple[DriftReference, Rows, Detector], transform: object
) -> None:
    reference, table = live(transform)
    other = Detector([reference], POLICY).give(cut(table, reference, 1))
    if transform is np.exp:
        assert told(other) == told(whole[2])
    else:
        # Edges are values of the reference, so that a mirror image has its bins shifted by one row.
        assert [one[:2] for one in told(other)] == [one[:2] for one in told(whole[2])]


VALUES = st.none() | st.floats(-3, 3) | st.sampled_from(["de", "zz"])
TABLE = st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=30)
REFERENCE = reference_of(rows(np.random.default_rng(3), 10))


@settings(max_examples=40)
@given(TABLE, st.randoms(use_true_random=False), st.integers(1, 5))
def test_cells_add_in_any_split_and_order(
    table: list[tuple[object, object]], shuffle: random.Random, parts: int
) -> None:
    layout = Layout.of(REFERENCE)

    def cells(pairs: list[tuple[object, object]]) -> np.ndarray:  # type: ignore[type-arg]
        chunk: Rows = {"amount": [pair[0] for pair in pairs], "country": [pair[1] for pair in pairs]}  # type: ignore[misc]
        return layout.count(summary_of(chunk, pane_at(0), REFERENCE))

    shuffled = list(table)
    shuffle.shuffle(shuffled)
    pieces = [piece for at in range(parts) if (piece := shuffled[at::parts])]
    assert (sum(cells(piece) for piece in pieces) == cells(table)).all()
    for section in layout.sections:
        assert section.rows_of(cells(table)) == len(table)


def test_the_first_rows_make_the_reference_that_a_file_of_them_would() -> None:
    table = rows(np.random.default_rng(8), 20)
    detector = Detector([], DriftPolicy(reference_rows=1_200))
    detector.give(
        Item(summary_of({n: v[at : at + 100] for n, v in table.items()}, pane_at(0), None), pane_at(1))
        for at in range(0, 1_200, 100)
    )
    assert (detector.due, detector.state.learned_rows) == (1, 1_200)
    made = learned(TENANT, SYSTEM, detector.kept, None, "service:drift-detector", pane_at(1))
    assert made is not None
    assert made.features == reference_of(table).features
    assert made.effective_at - pane_at(1) == timedelta(seconds=40)
    assert (made.version, made.rows, made.release, made.indicators) == (1, 1_200, "1.0.0", {})
    assert detector.give([Item(summary_of(table, pane_at(2), None), pane_at(3))]).due == 1


def test_rows_are_learned_anew_on_a_version_that_says_so() -> None:
    table = {"x": [1.0, 2.0] * 250}
    anew = learn_anew(4, pane_at(0))
    detector = Detector([anew], DriftPolicy(reference_rows=500))
    detector.give([Item(summary_of(table, pane_at(0), anew), pane_at(1))])
    made = learned(TENANT, SYSTEM, detector.kept, anew, "service:drift-detector", pane_at(1))
    assert detector.due == 1
    assert made is not None
    assert (made.version, made.source) == (5, "first 500 rows after version 4")


def test_a_system_that_is_nothing_but_a_guardrail_learns_too() -> None:
    """And keeps no more first rows than it needs."""
    checks = GuardrailStatistics(rule="no-keys", kind="leak", unknown_blocked=5, unknown_passed=95)
    summary = summary_of({"x": [1.0]}, pane_at(0), None).model_copy(
        update={"predictions": PredictionStatistics(), "features": (), "guardrails": (checks,)}
    )
    detector = Detector([], DriftPolicy(reference_rows=500)).give(Item(summary, pane_at(1)) for _ in range(8))
    assert (detector.due, len(detector.kept), detector.state.learned_rows) == (1, 5, 500)
    made = learned(TENANT, SYSTEM, detector.kept, None, "service:drift-detector", pane_at(1))
    assert made is not None
    assert set(made.indicators) == {"blocked"}


def test_nothing_is_learned_where_a_person_gives_the_reference() -> None:
    table = {"x": [1.0, 2.0] * 250}
    detector = Detector([], DriftPolicy(reference_rows=500, learns=False))
    detector.give([Item(summary_of(table, pane_at(0), None), pane_at(1))])
    assert (detector.due, detector.kept, detector.state.rows) == (0, [], 500)


def test_texts_that_name_something_are_no_category() -> None:
    table: Rows = {"id": [f"i-{n}" for n in range(600)], "x": [1.0, 2.0] * 300}
    detector = Detector([], DriftPolicy(reference_rows=600)).give(
        [Item(summary_of(table, pane_at(0), None), pane_at(1))]
    )
    made = learned(TENANT, SYSTEM, detector.kept, None, "service:drift-detector", pane_at(1))
    assert made is not None
    assert set(made.features) == {"x"}


def test_a_report_reads_back(whole: tuple[DriftReference, Rows, Detector]) -> None:
    for report in whole[2].reports:
        assert DriftReport.model_validate_json(report.model_dump_json()) == report
