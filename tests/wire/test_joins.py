"""What turned out to be true finds what was predicted, whichever came first, through real servers."""

import json
from collections import Counter
from typing import Any
from uuid import uuid4

import pytest

from flyball.schemas.summaries import TelemetrySummary
from flyball.schemas.topics import AGENT_EVENTS, TELEMETRY_SUMMARIES
from tests.wire.outside import Answers, Broker, Letter, until
from tests.wire.readme import example_event

pytestmark = pytest.mark.stack
PREDICTED = {"release": "1.0.0", "predicted_class": "fraud", "score": 0.9, "segment": {"market": "de"}}


def letter(system: str, kind: str, data: dict[str, Any]) -> Letter:
    body = example_event(system) | {"type": kind, "data": data}
    return Letter(AGENT_EVENTS.name, system.encode(), json.dumps(body).encode())


async def test_outcomes_before_and_after_their_predictions_are_labelled_once(
    broker: Broker, answers: Answers, system: str
) -> None:
    names = [str(uuid4()) for _ in range(3)]
    predictions = [letter(system, "prediction.made", {"prediction_id": name, **PREDICTED}) for name in names]
    truths = [("fraud", names[0]), ("honest", names[1]), ("fraud", "nobody")]
    before, after, unmatched = (
        letter(system, "outcome.observed", {"prediction_id": name, "true_class": true}) for true, name in truths
    )
    since = broker.ends(TELEMETRY_SUMMARIES.name)
    for each in (before, *predictions, after, unmatched, after, before):
        # Once for all records, or once for each: batches are as ingest happens to find them.
        broker.publish([each])
    totals = await until(lambda: answers.totals(system), lambda found: found["published"] == 8)
    assert (totals["counted"], totals["duplicates"]) == (6, 2)
    seen: list[TelemetrySummary] = []

    async def joined() -> int:
        records = broker.read(TELEMETRY_SUMMARIES.name, since)
        values = [record.value() for record in records if record.key() == system.encode()]
        seen[:] = [TelemetrySummary.model_validate_json(value) for value in values if value]
        return sum(summary.joins.joined for summary in seen)

    assert await until(joined, lambda count: count == 2) == 2
    pairs: Counter[tuple[str | None, str | None, str, str]] = Counter()
    for summary in seen:
        for true, predicted in summary.labelled.confusion.items():
            pairs.update({(summary.release, summary.segment, true, name): count for name, count in predicted.items()})
    assert pairs == {("1.0.0", "market=de", "fraud", "fraud"): 1, ("1.0.0", "market=de", "honest", "fraud"): 1}
    assert sum(summary.joins.outcomes_received for summary in seen) == 3
