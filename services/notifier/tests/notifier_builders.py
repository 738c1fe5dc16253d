"""Alerts and boards for the tests, by what matters in each."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from flyball.schemas.alerts import Alert
from notifier.domain.board import Board, Delivery, Incident
from notifier.domain.facts import Outcome
from notifier.domain.inputs import AlertSeen, Answered, DeliveryKey, Input, Tick
from notifier.domain.pipeline import apply
from notifier.domain.policy import Policy

START = datetime(2026, 11, 21, 9, tzinfo=UTC)
POLICY = Policy()


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def alert(
    fingerprint: str = "a",
    *,
    system: str = "support",
    rule: str = "budget.zone",
    severity: int = 1,
    began: float = 0,
    ended: float | None = None,
    **labels: str,
) -> Alert:
    return Alert(
        tenant="default",
        system=system,
        rule=rule,
        fingerprint=fingerprint,
        severity=severity,
        status="firing" if ended is None else "resolved",
        summary=f"{fingerprint} of {system} is bad",
        observed="41 %",
        threshold="50 %",
        window="30 d",
        sample_size=1_000,
        owner="team",
        runbook=None,
        labels=labels,
        started_at=after(began),
        ended_at=None if ended is None else after(ended),
    )


def seen(at: float, what: Alert) -> AlertSeen:
    return AlertSeen(what, after(at))


def fires(at: float, fingerprint: str = "a", **other: object) -> AlertSeen:
    return seen(at, alert(fingerprint, began=at, **other))  # type: ignore[arg-type]


def ends(at: float, fingerprint: str = "a", *, began: float = 0, **other: object) -> AlertSeen:
    return seen(at, alert(fingerprint, began=began, ended=at, **other))  # type: ignore[arg-type]


def tick(at: float) -> Tick:
    return Tick(after(at))


def answered(key: DeliveryKey, answer: str, at: float, **other: object) -> Answered:
    return Answered(key, answer, "said", 0.5, after(at), **other)  # type: ignore[arg-type]


def played(*inputs: Input, board: Board | None = None, policy: Policy = POLICY) -> tuple[Board, Outcome]:
    board = board or Board("default")
    return board, apply(board, inputs, policy)


def triggers(board: Board, epoch: int | None = None) -> list[Delivery]:
    return [
        each for each in board.deliveries.values() if each.key.action == "trigger" and epoch in {None, each.key.epoch}
    ]


def only(board: Board) -> Incident:
    (incident,) = board.incidents.values()
    return incident


def actions(board: Board, action: str) -> list[Delivery]:
    return [each for each in board.deliveries.values() if each.key.action == action]


def settled(board: Board, at: float, *, policy: Policy = POLICY) -> None:
    """Every open intent is delivered."""
    keys = [each.key for each in board.deliveries.values() if each.state == "open"]
    apply(board, [answered(key, "delivered", at) for key in keys], policy)


def rebuilt(inputs: Iterable[Input], policy: Policy = POLICY) -> Board:
    board = Board("default")
    apply(board, inputs, policy)
    return board
