"""Post-mortem and follow-ups are reminded of at 75 % and 100 % of their time, once each, in Slack alone."""

import pytest
from notifier_builders import START, after, ends, fires, only, played, tick
from notifier_on_postgres import world

from notifier.domain import clocks
from notifier.domain.board import Board
from notifier.domain.inputs import MovedOn, ReminderDue
from tests.stub_providers import provider

HOUR, DAY = 3_600.0, 86_400.0
RESOLVED = 100.0


def over() -> Board:
    board, _ = played(fires(0), tick(30), ends(RESOLVED))
    return board


def reminded(board: Board, at: float) -> list[str]:
    """What was ever said of it."""
    incident = only(board).id
    played(ReminderDue(incident, after(at)), board=board)
    return sorted(key.step for key in board.deliveries if key.action == "remind")


def test_each_once_and_in_time() -> None:
    board = over()
    assert clocks.next_reminder(only(board)) == after(RESOLVED + 18 * HOUR)
    assert reminded(board, RESOLVED + 17 * HOUR) == []
    early = reminded(board, RESOLVED + 18 * HOUR)
    assert early == ["post-mortem: 75 % of its time is over/on-call", "post-mortem: 75 % of its time is over/room"]
    assert reminded(board, RESOLVED + 18 * HOUR) == early
    assert clocks.next_reminder(only(board)) == after(RESOLVED + DAY)
    assert "post-mortem: due/room" in reminded(board, RESOLVED + DAY)
    assert clocks.next_reminder(only(board)) == after(RESOLVED + 5.25 * DAY)


def test_what_is_done_is_not_reminded_of() -> None:
    board = over()
    played(MovedOn(only(board).id, "post_mortem", "user:ada", after(RESOLVED + HOUR)), board=board)
    assert clocks.next_reminder(only(board)) == after(RESOLVED + 5.25 * DAY)
    played(MovedOn(only(board).id, "closed", "user:ada", after(RESOLVED + DAY)), board=board)
    assert clocks.next_reminder(only(board)) is None


def test_what_fires_again_begins_anew() -> None:
    board = over()
    played(fires(RESOLVED + 60), tick(RESOLVED + 90), board=board)
    assert clocks.next_reminder(only(board)) is None
    played(ends(RESOLVED + 200, began=RESOLVED + 60), board=board)
    assert clocks.next_reminder(only(board)) == after(RESOLVED + 200 + 18 * HOUR)


@pytest.mark.stack
async def test_the_ticker_finds_them_long_after_the_incident_sleeps(postgres_dsn: str) -> None:
    with provider() as slack:
        async with world(postgres_dsn, slack_webhook_url=slack.url) as notifier:
            await notifier.take(fires(0))
            await notifier.tick(30)
            await notifier.deliver()
            await notifier.take(ends(RESOLVED))
            notifier.clock.to(RESOLVED + 1)
            await notifier.deliver()
            before = len(slack.got)
            for _ in range(2):
                await notifier.tick(RESOLVED + 18 * HOUR)
                await notifier.deliver()
            (incident,) = await notifier.incidents()
    texts = [body["text"] for body in slack.bodies()[before:]]
    assert len(texts) == 2, "the on-call and the room, each once"
    assert all(text.startswith("[post-mortem: 75 % of its time is over] support: ") for text in texts)
    assert (incident.state, incident.detected_at) == ("resolved", START)
