"""The demo's story: seeded, and honest about what must become of each record."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from flyball.cli.demo.story import AGENTS, BAD, BILLING, GOOD, TICK, Sent, Story
from flyball.schemas.envelope import Unreadable, read_agent_event

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def told(seed: int, *, drifted: bool = False) -> list[Sent]:
    """Half a minute in which every other user is served by the bad release."""
    story = Story(seed)
    return [
        one
        for number in range(60)
        for one in story.tick(NOON + number * TICK, lambda user: BAD if int(user[5:]) % 2 else GOOD, drifted=drifted)
    ]


def test_the_same_seed_tells_the_same_story() -> None:
    assert told(7) == told(7) != told(8)


def test_every_record_deserves_its_verdict() -> None:
    seen: set[tuple[str, str]] = set()
    for record in told(7):
        if record.verdict == "rejected":
            with pytest.raises(Unreadable):
                read_agent_event(record.headers, record.body)
            continue
        event = read_agent_event(record.headers, record.body)
        identity = (event.source, event.id)
        assert (identity in seen) == (record.verdict == "duplicate")
        assert event.subject == record.system
        assert NOON - timedelta(seconds=1) <= event.time <= NOON + timedelta(seconds=30)
        seen.add(identity)


def test_each_system_speaks_its_own_dialect() -> None:
    spoken = {(record.system, record.dialect) for record in told(7)}
    assert spoken == {(agent.system, agent.dialect) for agent in AGENTS}
    assert {dialect for _, dialect in spoken} == {"structured", "binary", "http"}


def test_only_the_bad_release_is_wrong_often() -> None:
    judged: dict[tuple[str, str], Counter[bool]] = {}
    for record in told(7):
        event = json.loads(record.body) if record.dialect != "binary" and record.verdict == "counted" else {}
        if event.get("type") == "evaluation.recorded":
            judged.setdefault((record.system, event["data"]["release"]), Counter())[event["data"]["passed"]] += 1
    shares = {key: counts[False] / counts.total() for key, counts in judged.items()}
    assert shares.pop((BILLING, BAD)) > 0.15
    assert max(shares.values()) < 0.03


def test_amounts_grow_when_the_data_drift() -> None:
    def mean(sent: list[Sent]) -> float:
        data = [json.loads(one.body) for one in sent if one.dialect == "binary" and one.verdict == "counted"]
        amounts = [one["features"]["amount"] for one in data if "features" in one]
        return sum(amounts) / len(amounts)

    assert mean(told(7, drifted=True)) > 1.4 * mean(told(7))
