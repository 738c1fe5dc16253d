"""What holds whatever comes: one page per epoch, a resolve for each, and no difference made by batching or doubling."""

from collections import Counter
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as some
from notifier_builders import actions, after, answered, ends, fires, only, played, tick, triggers

from flyball.schemas.alerts import Alert
from notifier.domain.board import Board
from notifier.domain.inputs import Acknowledged, AlertSeen, Input, MovedOn, Silence, SilenceSet
from notifier.domain.pipeline import apply
from notifier.domain.policy import Matcher, Policy

POLICY = Policy()
NAMES = some.sampled_from(["a", "b", "c", "d"])
FAR = 1_000_000.0


@some.composite
def days(draw: some.DrawFn) -> list[tuple[float, str, object]]:
    """What happens, by its second, in order: alerts, their ends, ticks, acknowledgements, silences, answers."""
    moments = sorted(draw(some.lists(some.integers(0, 20_000), min_size=1, max_size=40)))
    kinds = some.sampled_from(["fires", "fires", "ends", "tick", "tick", "ack", "resolve", "silence", "answer"])
    return [
        (float(at), draw(kinds), (draw(NAMES), draw(some.integers(0, 3)), draw(some.integers(0, 4)))) for at in moments
    ]


def lived(day: list[tuple[float, str, object]], batch: int) -> tuple[Board, list[Input]]:
    """Play a day; what people and providers say depends on what there is to say it to."""
    board, inputs = Board("default"), []
    waiting: list[Input] = []
    for at, kind, details in day:
        given_now = _input(board, at, kind, details)
        inputs += given_now
        waiting += given_now
        if len(waiting) >= batch or kind in {"ack", "resolve", "answer"}:
            apply(board, waiting, POLICY)
            waiting = []
    apply(board, waiting, POLICY)
    return board, inputs


def _input(board: Board, at: float, kind: str, details: object) -> list[Input]:
    name, severity, pick = details  # type: ignore[misc]
    if kind == "fires":
        return [fires(at, name, severity=severity, system=f"system-{name < 'c'}".lower())]
    if kind == "ends":
        known = board.alerts.get(name)
        over = {"status": "resolved", "ended_at": after(at)}
        return [AlertSeen(known.alert.model_copy(update=over), after(at))] if known else []
    if kind == "silence":
        everything = (Matcher(name="rule", value="budget.zone"),)
        return [SilenceSet(Silence(name, everything, after(at), after(at + 900), "x", "y"), after(at))]
    found = sorted(board.incidents)
    if kind in {"ack", "resolve"} and found:
        chosen, now = found[pick % len(found)], after(at)
        return [Acknowledged(chosen, "ada", now) if kind == "ack" else MovedOn(chosen, "resolved", "ada", now)]
    deliveries = [each.key for each in board.deliveries.values() if each.state == "open"]
    if kind == "answer" and deliveries:
        outcome = ["delivered", "failed", "refused", "later", "delivered"][pick]
        return [answered(deliveries[pick % len(deliveries)], outcome, at)]
    return [tick(at)]


@settings(max_examples=300)
@given(days())
def test_the_same_inputs_make_the_same_board_however_they_are_cut(day: list[tuple[float, str, object]]) -> None:
    board, inputs = lived(day, batch=1)
    at_once, one_by_one = Board("default"), Board("default")
    apply(at_once, inputs, POLICY)
    for each in inputs:
        apply(one_by_one, [each], POLICY)
    assert at_once == one_by_one == board


@settings(max_examples=300)
@given(days())
def test_one_page_per_step_and_epoch(day: list[tuple[float, str, object]]) -> None:
    board, _ = lived(day, batch=3)
    pages = Counter((key.incident, key.epoch, key.step) for key in (each.key for each in triggers(board)) if key.step)
    alive = [each for each in triggers(board) if each.state != "dead"]
    told = Counter((each.key.incident, each.key.epoch, each.key.step) for each in alive)
    assert not [page for page, count in told.items() if count > 1], "a second channel only after the first was given up"
    for incident in board.incidents.values():
        assert {epoch for identity, epoch, _ in pages if identity == incident.id} <= set(range(1, incident.epoch + 1))


@settings(max_examples=300)
@given(days())
def test_whoever_was_told_is_told_of_the_end(day: list[tuple[float, str, object]]) -> None:
    board, _ = lived(day, batch=1)
    apply(board, [tick(FAR)], POLICY)
    over = [replace(each, at=after(FAR)) for each in _ends(board)]
    apply(board, over, POLICY)
    assert not [incident for incident in board.incidents.values() if incident.open]
    resolves = {replace(each.key, action="trigger") for each in actions(board, "resolve")}
    for each in triggers(board):
        assert each.state in {"dead", "not_needed"} or each.key in resolves, each
        assert each.state != "open"


def _ends(board: Board) -> list[AlertSeen]:
    found = []
    for known in board.alerts.values():
        if known.firing:
            over: Alert = known.alert.model_copy(update={"status": "resolved", "ended_at": after(FAR)})
            found.append(AlertSeen(over, after(FAR)))
    return found


@settings(max_examples=200)
@given(some.data())
def test_alerts_of_one_trouble_in_any_order_and_number_are_one_page(data: some.DataObject) -> None:
    """Ten alerts of a system within the wait, each told several times, in any order."""
    names = [f"f{number}" for number in range(10)]
    told = data.draw(some.permutations(names * 3))
    cuts = data.draw(some.integers(1, 7))
    inputs: list[Input] = [replace(fires(0, name), at=after(place / 2)) for place, name in enumerate(told)]
    board = Board("default")
    for start in range(0, len(inputs), cuts):
        apply(board, inputs[start : start + cuts], POLICY)
    apply(board, [tick(30), tick(400)], POLICY)
    assert only(board).epoch == 1
    assert set(only(board).fingerprints) == set(names)
    assert len(triggers(board)) == 3


@settings(max_examples=50)
@given(some.lists(some.integers(0, 25_000), min_size=60, max_size=120), some.integers(1, 50))
def test_a_storm_is_one_incident_in_any_order(milliseconds: list[int], batch: int) -> None:
    storm: list[Input] = [
        fires(moment / 1_000, f"f{number}", system=f"system-{number}")
        for number, moment in enumerate(sorted(milliseconds))
    ]
    board = Board("default")
    for start in range(0, len(storm), batch):
        apply(board, storm[start : start + batch], POLICY)
    apply(board, [tick(60), tick(360)], POLICY)
    assert len(only(board).fingerprints) == len(storm)
    assert only(board).storm
    assert len(triggers(board)) == 3


def test_an_end_that_overtakes_its_beginning_pages_nobody() -> None:
    board, outcome = played(ends(10, "a"), replace(fires(0, "a"), at=after(11)), tick(60))
    assert not board.incidents
    assert [record.reason for record in outcome.audits] == ["the episode it speaks of is over"]
