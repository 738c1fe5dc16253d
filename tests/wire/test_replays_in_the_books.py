"""With replays among the published, published = counted + duplicates + rejected, and what is mended counts once."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from console.domain.replays import replay_of
from flyball.bus.records import Record
from flyball.schemas.envelope import CONTENT_TYPE, STRUCTURED
from telemetry_ingest.domain.verdicts import Accepted, Limits, Rejected, judge

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
HEADERS = ((CONTENT_TYPE, STRUCTURED.encode()),)


class Books:
    """telemetry-ingest as far as its verdicts go."""

    def __init__(self) -> None:
        self.published = self.counted = self.duplicates = 0
        self.rejected: list[Rejected] = []
        self._seen: set[bytes] = set()

    def publish(self, body: bytes, headers: Sequence[tuple[str, bytes]] = HEADERS, key: bytes | None = None) -> None:
        raw = Record("agent.events.v1", 0, self.published, int(NOW.timestamp() * 1_000), key, body, tuple(headers))
        self.published += 1
        verdict = judge(raw, Limits())
        if isinstance(verdict, Rejected):
            self.rejected.append(verdict)
        elif verdict.fingerprint in self._seen:
            self.duplicates += 1
        else:
            assert isinstance(verdict, Accepted)
            self._seen.add(verdict.fingerprint)
            self.counted += 1

    @property
    def totals(self) -> tuple[int, int, int, int]:
        return self.published, self.counted, self.duplicates, len(self.rejected)


def event(**changes: Any) -> bytes:
    data = {"interaction_id": "i-1", "release": "1.0", "outcome": "ok", "latency_ms": 20}
    made = {
        "specversion": "1.0",
        "id": "e-1",
        "source": "/agents/support",
        "type": "interaction.completed",
        "subject": "support",
        "time": NOW.isoformat(),
        "data": data,
    }
    return json.dumps({**made, **changes}).encode()


def row(rejected: Rejected) -> dict[str, Any]:
    """As console keeps it."""
    raw = rejected.raw
    names, values = [name for name, _ in raw.headers], [value for _, value in raw.headers]
    return {
        "id": uuid4(),
        "field": rejected.field,
        "body": raw.value,
        "header_names": names,
        "header_values": values,
    }


@pytest.mark.parametrize("broken", [event(data={}), event()[:-3], event(time="2030-01-01T00:00:00Z"), event(subject=7)])
def test_a_mended_record_is_one_more_published_and_one_more_counted(broken: bytes) -> None:
    books = Books()
    books.publish(broken)
    assert books.totals == (1, 0, 0, 1)
    replay = replay_of(row(books.rejected[0]), event())
    books.publish(replay.body, replay.headers, replay.system.encode())
    assert books.totals == (2, 1, 0, 1)
    # The agent noticed too, and sends it again: the same source and id.
    books.publish(event())
    assert books.totals == (3, 1, 1, 1)


def test_a_record_under_a_wrong_key_is_replayed_as_it_arrived_under_its_subject() -> None:
    books = Books()
    books.publish(event(), key=b"other")
    assert books.rejected[0].reason == "key_mismatch"
    replay = replay_of(row(books.rejected[0]), None)
    books.publish(replay.body, replay.headers, replay.system.encode())
    assert books.totals == (2, 1, 0, 1)
    assert not replay.changed
