"""Joins: each pair counts once, where what was judged counts, however the events are cut, ordered and repeated."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyball.schemas.summaries import TelemetrySummary
from flyball.stats.merging import merge_by_key
from joins_promises import JoinsPromises, event
from telemetry_ingest.domain.assign import assign
from telemetry_ingest.domain.condense import condense
from telemetry_ingest.domain.joins import Answer, Asked, asked_of, joined_of, joining
from telemetry_ingest.domain.judged import Judged, Outcome, Pair
from telemetry_ingest.domain.tallies.labelled import LabelledTally
from telemetry_ingest.domain.verdicts import Accepted
from tests.sim.memory_joins import Shelves


@dataclass
class InMemory:
    room: int = 1_000_000
    shelves: Shelves = field(default_factory=Shelves)

    async def find(self, asked: Sequence[Asked]) -> Sequence[Answer]:
        return [self.shelves.answer(own, self.room) for own in asked]


class TestInMemory(JoinsPromises):
    @pytest.fixture
    def joins(self) -> InMemory:
        return InMemory()

    @pytest.fixture
    def crowded(self) -> InMemory:
        return InMemory(room=100)


FRACTION = st.none() | st.floats(0, 1)
NAMED = st.sampled_from([{}, {"segment": {"market": "de"}}])
CLASS = st.sampled_from(["yes", "no", "perhaps"])
PREDICTION = st.fixed_dictionaries({"predicted_class": CLASS, "score": FRACTION, "predicted_value": st.floats(-9, 9)})
INTERACTION = st.fixed_dictionaries({"outcome": st.just("ok"), "latency_ms": st.just(1.0), "confidence": FRACTION})
TRUTH = st.fixed_dictionaries(
    {"true_class": st.none() | CLASS, "true_value": st.none() | st.floats(-9, 9), "success": st.booleans()}
)
WHO = {"evaluator": "judge", "evaluator_version": "1", "sampling_rate": 0.5}
EVALUATION = st.fixed_dictionaries(
    {"metric": st.sampled_from(["factuality", "relevance"]), "passed": st.booleans(), "score": FRACTION}
)
FEEDBACK = st.fixed_dictionaries({"rating": st.integers(1, 5), "thumb": st.sampled_from([None, "up"])})
RELEASED = {"release": "1.0.0"}
STORY = st.builds(
    lambda *parts: list(parts), PREDICTION, INTERACTION, TRUTH, TRUTH, NAMED, st.lists(EVALUATION), st.lists(FEEDBACK)
)


def told(number: int, story: Sequence[Any], random: Random) -> list[tuple[str, dict[str, Any]]]:
    """A prediction and an interaction with some of what may be said of them; either may never come."""
    predicted, answered, truth, success, named, evaluations, feedback = story
    prediction, interaction = {"prediction_id": f"p{number}"}, {"interaction_id": f"i{number}"}
    events = [
        ("prediction.made", RELEASED | prediction | predicted | named),
        ("interaction.completed", RELEASED | interaction | answered | named),
        ("outcome.observed", prediction | truth),
        ("outcome.observed", interaction | success),
        *(("evaluation.recorded", RELEASED | interaction | WHO | each) for each in evaluations[:3]),
        *(("feedback.given", interaction | each) for each in feedback[:2]),
    ]
    return [each for each in events if random.random() < 0.8]


def read(log: Sequence[Accepted], random: Random, size_max: int) -> str:
    """A log in two partitions, read in batches of any size, each up to three times before it is committed."""
    shelves, deltas, left = Shelves(), [], {0: list(log[::2]), 1: list(log[1::2])}
    placed = {
        partition: [_placed(one, partition, offset) for offset, one in enumerate(events)]
        for partition, events in left.items()
    }
    while any(placed.values()):
        partition = random.choice([number for number, events in placed.items() if events])
        size = random.randint(1, size_max)
        batch, commits = placed[partition][:size], random.random() < 0.6
        asked = asked_of(joining(batch), {})
        condensed = condense(assign(batch), (), (), {})
        condensed.count_joined(joined_of(asked, [shelves.answer(own, 10_000) for own in asked]))
        if commits:
            placed[partition] = placed[partition][size:]
            deltas += [bucket.freeze(key) for key, bucket in condensed.buckets.items()]
    # Through the wire and back: what is merged is what readers get.
    sums = merge_by_key(TelemetrySummary.model_validate_json(delta.model_dump_json()) for delta in deltas)
    return "\n".join(each.model_dump_json() for each in sums)


def _placed(one: Accepted, partition: int, offset: int) -> Accepted:
    raw: Any = one.raw
    return one._replace(raw=type(raw)(raw.topic, partition, offset, raw.timestamp_ms, raw.key, raw.value, ()))


@settings(max_examples=12)
@given(st.lists(STORY, min_size=1, max_size=5), st.randoms(use_true_random=False), st.integers(1, 12))
def test_any_split_order_and_repetition_merges_to_the_same_bytes(stories: Any, random: Random, size: int) -> None:
    kinds = [each for number, story in enumerate(stories) for each in told(number, story, random)]
    log = [event(kind, data, (0, number)) for number, (kind, data) in enumerate(kinds)]
    whole = read(log, Random(0), 1_000)
    shuffled = list(log)
    random.shuffle(shuffled)
    assert read(shuffled, random, size) == whole


def pair(judged: Judged, outcome: Outcome) -> Pair:
    return Pair("default", "support", judged, outcome, True)


def test_truth_is_counted_by_class_score_error_and_confidence() -> None:
    tally = LabelledTally()
    sure = Judged("1", "", 0, "yes", 2.0, score_ppm=900_000, confidence_ppm=700_000)
    tally.add(pair(sure, Outcome("yes", 2.5, None)))
    tally.add(pair(sure, Outcome("no", None, None)))
    tally.add(pair(sure._replace(confidence_ppm=None), Outcome(None, None, success=False)))
    tally.add(pair(sure, Outcome("no", None, None))._replace(is_first=False))
    fields = tally.freeze()
    labelled, (calibration,) = fields["labelled"], fields["calibration"]
    assert (labelled.count, tally.joined) == (3, 4)
    assert labelled.confusion == {"no": {"yes": 1}, "yes": {"yes": 1}}
    assert {name: scores.total for name, scores in labelled.score_ppm.items()} == {"no": 900_000, "yes": 900_000}
    assert (labelled.absolute_error_micro.total, labelled.succeeded, labelled.failed) == (500_000, 0, 1)
    assert (calibration.judge, calibration.right_ppm.count, calibration.wrong_ppm.count) == ("truth", 1, 1)


def test_very_many_classes_are_published_in_parts_that_fit_a_record() -> None:
    long = "\u0001" * 250
    made = [
        event("prediction.made", RELEASED | {"prediction_id": str(n), "predicted_class": f"{long}{n}"}, (0, n))
        for n in range(600)
    ]
    seen = [
        event("outcome.observed", {"prediction_id": str(n), "true_class": f"{long}{n}"}, (1, n)) for n in range(600)
    ]
    shelves = Shelves()
    for batch in (made, seen):
        asked = asked_of(joining(batch), {})
        joined = joined_of(asked, [shelves.answer(own, 10_000) for own in asked])
    condensed = condense(assign(seen), (), (), {})
    condensed.count_joined(joined)
    parts = [bucket.freeze(key) for key, bucket in condensed.buckets.items()]
    assert sum(part.labelled.count for part in parts) == 600
    assert max(len(part.model_dump_json()) for part in parts) < 1_000_000
