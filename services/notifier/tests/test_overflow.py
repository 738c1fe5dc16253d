"""More than a room can take in a minute: the urgent one by one, the rest in one message with counts."""

from pathlib import Path

import pytest
from notifier_builders import actions, after, ends, fires, played, tick, triggers
from notifier_on_postgres import world

from notifier.domain.inputs import Overflowed
from tests.stub_providers import provider

SEVERITIES = (0, 2, 3, 3)


def test_what_is_not_urgent_is_told_together_and_its_end_to_nobody() -> None:
    begin = [
        fires(number * 70, f"f{number}", system=f"s{number}", severity=sev) for number, sev in enumerate(SEVERITIES)
    ]
    board, _ = played(*begin, tick(400))
    rooms = [each.key for each in triggers(board) if each.key.target == "room"]
    _, outcome = played(Overflowed(tuple(rooms), after(500)), board=board)
    (digest,) = actions(board, "digest")
    assert digest.key.step.startswith("digest ")
    assert "3 incidents (1 of P2, 2 of P3, p0p3), the worst/room" in digest.key.step
    states = {key.incident: board.deliveries[key].state for key in rooms}
    assert sorted(states.values()) == ["digested", "digested", "digested", "open"], "the worst waits for its own turn"
    assert [record.decision for record in outcome.audits] == ["digest"]
    played(*[ends(600, f"f{number}", began=number * 70, system=f"s{number}") for number in range(4)], board=board)
    ended = {key.incident for key in board.deliveries if key.action == "resolve" and key.target == "room"}
    assert ended == {key for key, state in states.items() if state == "cancelled"} | {
        key for key, state in states.items() if state == "open"
    }


def test_one_alone_is_no_digest() -> None:
    board, _ = played(fires(0, severity=3), tick(30))
    (room,) = [each.key for each in triggers(board) if each.key.target == "room"]
    played(Overflowed((room,), after(100)), board=board)
    assert not actions(board, "digest")


@pytest.mark.stack
async def test_a_room_gets_what_it_may_and_then_one_message(postgres_dsn: str, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(
        "sends_per_minute_max: 3\nroutes: [{name: default, steps: [{target: room, channels: [slack]}]}]\n"
    )
    with provider() as slack:
        async with world(postgres_dsn, slack_webhook_url=slack.url, notifier_policy=str(policy)) as notifier:
            for number in range(12):
                severity = 1 if number == 11 else 3
                await notifier.take(fires(number / 10, f"f{number}", system=f"s{number}", severity=severity))
            await notifier.tick(40)
            await notifier.deliverer.digest()
            assert await notifier.deliver() == 3, "as many as it may, the worst first"
            notifier.clock.to(110)
            await notifier.deliverer.digest()
            sent = await notifier.deliver()
    texts = [body["text"] for body in slack.bodies()]
    assert texts[0].startswith("[P1 (p0p3)] s11")
    digests = [text for text in texts if text.startswith("[digest ")]
    assert (len(digests), sent) == (1, 1), texts
    assert "9 incidents (9 of P3, p0p3), the worst]" in digests[0]
