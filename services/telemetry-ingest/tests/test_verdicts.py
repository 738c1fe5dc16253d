"""Each record is judged by itself: counted, or rejected with a reason."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from flyball.bus.records import Record
from telemetry_ingest.domain.verdicts import Accepted, Limits, Rejected, judge

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)


def event(**changes: object) -> dict[str, object]:
    return {
        "specversion": "1.0",
        "id": "e-1",
        "source": "/agents/support",
        "type": "interaction.completed",
        "subject": "support",
        "time": NOW.isoformat(),
        "data": {"interaction_id": "i-1", "release": "1.4.0", "outcome": "ok", "latency_ms": 812},
        **changes,
    }


def raw(body: object, key: bytes | None = b"support") -> Record:
    return Record("agent.events.v1", 3, 41, NOW_MS, key, json.dumps(body).encode(), ())


def test_a_good_event_is_counted() -> None:
    verdict = judge(raw(event()), Limits())
    assert isinstance(verdict, Accepted)
    assert verdict.event.subject == "support"
    assert not verdict.late


@pytest.mark.parametrize(
    ("changes", "key", "reason", "field"),
    [
        ({"time": (NOW + timedelta(minutes=6)).isoformat()}, b"support", "time_in_future", "time"),
        ({"time": (NOW - timedelta(days=8)).isoformat()}, b"support", "time_too_old", "time"),
        ({}, b"billing", "key_mismatch", "subject"),
        ({}, b"", "key_mismatch", "subject"),
        ({"type": "interaction.dreamed"}, b"support", "unknown_type", "type"),
    ],
)
def test_a_bad_event_is_rejected_with_its_reason(
    changes: dict[str, object], key: bytes, reason: str, field: str
) -> None:
    verdict = judge(raw(event(**changes), key), Limits())
    assert isinstance(verdict, Rejected)
    assert (verdict.reason, verdict.field, verdict.system) == (reason, field, "support")


def test_a_record_without_a_key_is_counted_by_its_subject() -> None:
    assert isinstance(judge(raw(event(), key=None), Limits()), Accepted)


def test_what_names_no_system_counts_under_unknown() -> None:
    verdict = judge(raw(event(), key=None)._replace(value=b"not json"), Limits())
    assert isinstance(verdict, Rejected)
    assert (verdict.reason, verdict.system) == ("not_json", "unknown")


def test_late_means_more_than_five_minutes_before_the_broker_got_it() -> None:
    just, over = (NOW - timedelta(minutes=5)).isoformat(), (NOW - timedelta(minutes=5, seconds=1)).isoformat()
    verdicts = [judge(raw(event(time=time)), Limits()) for time in (just, over)]
    assert [isinstance(v, Accepted) and v.late for v in verdicts] == [False, True]


def test_the_fingerprint_stands_for_source_and_id_alone() -> None:
    one, same, other = (
        judge(raw(event(**changes)), Limits())
        for changes in ({}, {"data": {**event()["data"], "outcome": "timeout"}}, {"source": "/agents/other"})  # type: ignore[dict-item]
    )
    assert isinstance(one, Accepted)
    assert isinstance(same, Accepted)
    assert isinstance(other, Accepted)
    assert one.fingerprint == same.fingerprint != other.fingerprint
