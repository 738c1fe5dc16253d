"""Damaged records between good ones: nothing crashes, no neighbour is lost, each is in exactly one total."""

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from damage import damaged
from hypothesis import given, settings
from hypothesis import strategies as st

from flyball.bus.records import Record
from flyball.schemas.summaries import TelemetrySummary
from flyball.stats.merging import merge_by_key
from telemetry_ingest.domain.assign import assign
from telemetry_ingest.domain.condense import condense
from telemetry_ingest.domain.verdicts import Accepted, Limits, Rejected, judge

EXAMPLES = [
    path.read_bytes()
    for path in sorted((Path(__file__).parents[3] / "schemas/examples/agent.events.v1").glob("*.json"))
    if "binary" not in path.name
]
APPENDED_MS = int(max(datetime.fromisoformat(json.loads(body)["time"]) for body in EXAMPLES).timestamp() * 1_000)
LIMITS = Limits()


def record(number: int, body: bytes) -> Record:
    return Record("agent.events.v1", 0, number, APPENDED_MS, None, body, ())


def summaries(verdicts: Sequence[Accepted | Rejected]) -> list[TelemetrySummary]:
    accepted = [verdict for verdict in verdicts if isinstance(verdict, Accepted)]
    rejected = [verdict for verdict in verdicts if isinstance(verdict, Rejected)]
    condensed = condense(assign(accepted), (), rejected, {})
    frozen: list[Any] = [bucket.freeze(key) for key, bucket in condensed.buckets.items()]
    return [TelemetrySummary.model_validate_json(each.model_dump_json()) for each in frozen]


def check(hurt: Sequence[bytes]) -> None:
    bodies = [body for pair in zip(EXAMPLES, hurt, strict=False) for body in pair]
    verdicts = [judge(record(number, body), LIMITS) for number, body in enumerate(bodies)]
    assert all(isinstance(verdict, Accepted) for verdict in verdicts[::2])
    merged = merge_by_key(summaries(verdicts))
    counted = sum(each.measurement.counted for each in merged)
    rejected = sum(sum(each.measurement.rejected.values()) for each in merged)
    assert counted == sum(isinstance(verdict, Accepted) for verdict in verdicts)
    assert counted + rejected == len(bodies)


@settings(max_examples=4)
@given(st.lists(damaged(EXAMPLES), min_size=1, max_size=len(EXAMPLES)))
def test_no_neighbour_is_lost_and_all_are_counted(hurt: list[bytes]) -> None:
    check(hurt)


@pytest.mark.seeds
@settings(max_examples=60)
@given(st.lists(damaged(EXAMPLES), min_size=1, max_size=len(EXAMPLES)))
def test_no_neighbour_is_lost_at_length(hurt: list[bytes]) -> None:
    check(hurt)
