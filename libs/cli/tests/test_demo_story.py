"""The demo's story: seeded, and honest about what must become of each record."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from flyball.cli.demo.story import BAD_AGENT, Sent, day
from flyball.schemas.envelope import Unreadable, read_agent_event

MIDNIGHT = datetime(2026, 11, 21, tzinfo=UTC)


def told(seed: int) -> list[Sent]:
    return [record for quarter in day(MIDNIGHT, seed) for record in quarter.sent]


def test_the_same_seed_tells_the_same_story() -> None:
    assert told(7) == told(7) != told(8)


def test_every_record_deserves_its_verdict() -> None:
    seen: set[tuple[str, str]] = set()
    for record in told(7):
        if record.verdict == "rejected":
            with pytest.raises(Unreadable):
                read_agent_event((), record.body)
            continue
        event = read_agent_event((), record.body)
        identity = (event.source, event.id)
        assert (identity in seen) == (record.verdict == "duplicate")
        assert MIDNIGHT - timedelta(days=1) <= event.time <= MIDNIGHT
        seen.add(identity)


def test_only_the_bad_release_is_wrong_often() -> None:
    failed: dict[tuple[str, str], list[bool]] = {}
    for record in told(7):
        event = json.loads(record.body) if record.verdict == "counted" else {}
        if event.get("type") == "evaluation.recorded":
            failed.setdefault((record.system, event["data"]["release"]), []).append(not event["data"]["passed"])
    shares = {key: sum(wrong) / len(wrong) for key, wrong in failed.items()}
    assert shares.pop((BAD_AGENT, "2.1.0")) > 0.1
    assert max(shares.values()) < 0.03
