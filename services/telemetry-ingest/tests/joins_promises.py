"""What every memory of joins promises, whatever it is made of."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from flyball.bus.records import Record
from flyball.schemas.telemetry import TelemetryPolicy
from telemetry_ingest.domain.feeds.rules import Declaration, Revision
from telemetry_ingest.domain.joins import asked_of, joined_of, joining
from telemetry_ingest.domain.judged import Evaluation, Feedback, Joined, Judged, Outcome, Pair
from telemetry_ingest.domain.verdicts import Accepted, Limits, judge
from telemetry_ingest.ports import Joins

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
RELEASE = {"release": "1.0.0"}
Declared = dict[tuple[str, str], Declaration]


def declared(days: int, since: datetime) -> Declared:
    policy = TelemetryPolicy(join_horizon_days=days)
    return {("default", "support"): Declaration([Revision(1, since, "ops", policy)])}


OFF = declared(0, NOW - timedelta(days=90))


def event(kind: str, data: dict[str, Any], place: tuple[int, int], at: datetime = NOW) -> Accepted:
    partition, offset = place
    body = {"specversion": "1.0", "id": str(place), "source": "/a", "type": kind, "subject": "support"}
    stamp = round(at.timestamp() * 1000)
    raw = json.dumps(body | {"time": at.isoformat(), "data": data}).encode()
    verdict = judge(Record("agent.events.v1", partition, offset, stamp, b"support", raw, ()), Limits())
    assert isinstance(verdict, Accepted), verdict
    return verdict


def prediction(name: str, place: tuple[int, int], at: datetime = NOW, **more: Any) -> Accepted:
    data = {"prediction_id": name, "predicted_class": "fraud", "score": 0.8, "segment": {"market": "de"}}
    return event("prediction.made", RELEASE | data | more, place, at)


def interaction(name: str, place: tuple[int, int], at: datetime = NOW, **more: Any) -> Accepted:
    data = {"interaction_id": name, "outcome": "ok", "latency_ms": 1.0, "confidence": 0.9}
    return event("interaction.completed", RELEASE | data | more, place, at)


def outcome(name: str, place: tuple[int, int], at: datetime = NOW, true_class: str = "fraud") -> Accepted:
    return event("outcome.observed", {"prediction_id": name, "true_class": true_class}, place, at)


def evaluation(name: str, place: tuple[int, int], at: datetime = NOW, **more: Any) -> Accepted:
    data = {"interaction_id": name, "metric": "factuality", "evaluator": "judge", "evaluator_version": "1"}
    return event("evaluation.recorded", RELEASE | data | {"passed": True} | more, place, at)


def feedback(name: str, place: tuple[int, int], at: datetime = NOW) -> Accepted:
    return event("feedback.given", {"interaction_id": name, "rating": 4}, place, at)


async def joined(joins: Joins, *events: Accepted, horizons: Declared | None = None) -> Joined:
    asked = asked_of(joining(events), horizons or {})
    return joined_of(asked, await joins.find(asked) if asked else ())


async def pairs(joins: Joins, *events: Accepted, horizons: Declared | None = None) -> Sequence[Pair]:
    return (await joined(joins, *events, horizons=horizons)).pairs


class JoinsPromises:
    """Subclasses give a fixture ``joins``, and ``crowded``, which has room for a few only."""

    async def test_who_comes_second_finds_the_pair_and_keeps_finding_it(self, joins: Joins) -> None:
        name = str(uuid4())
        made, seen = prediction(name, (0, 1)), outcome(name, (0, 2))
        assert await pairs(joins, made) == []
        (found,) = await pairs(joins, seen)
        start = int(NOW.timestamp())
        judged = Judged("1.0.0", "market=de", start, "fraud", score_ppm=800_000)
        assert found == Pair("default", "support", judged, Outcome("fraud", None, None), True)
        assert await pairs(joins, seen) == [found]
        assert await pairs(joins, made) == []

    async def test_a_judgement_that_came_first_is_claimed_by_what_it_judges(self, joins: Joins) -> None:
        name = str(uuid4())
        made, seen = prediction(name, (0, 1)), outcome(name, (3, 2))
        assert await pairs(joins, seen) == []
        (found,) = await pairs(joins, made)
        assert await pairs(joins, seen) == [], "its partner counts the pair"
        assert await pairs(joins, made) == [found]
        assert found.judgement == Outcome("fraud", None, None)

    async def test_both_in_one_batch_are_one_pair_in_any_order(self, joins: Joins) -> None:
        for turn in (1, -1):
            name = str(uuid4())
            batch = [prediction(name, (0, 1)), outcome(name, (0, 2))][::turn]
            assert len(await pairs(joins, *batch)) == 1
            assert len(await pairs(joins, *batch)) == 1
            assert [len(await pairs(joins, each)) for each in batch] in ([1, 0], [0, 1])

    async def test_the_first_outcome_is_the_truth_and_keeps_being_it(self, joins: Joins) -> None:
        name = str(uuid4())
        first, corrected = outcome(name, (0, 1)), outcome(name, (0, 3), true_class="honest")
        for _ in range(2):
            await pairs(joins, prediction(name, (0, 2)))
            assert [pair.is_first for pair in await pairs(joins, first)] in ([], [True])
            assert [pair.is_first for pair in await pairs(joins, corrected)] == [False]
        other = str(uuid4())
        first, corrected = outcome(other, (0, 5)), outcome(other, (0, 6))
        await pairs(joins, prediction(other, (0, 4)))
        for _ in range(2):
            assert [pair.is_first for pair in await pairs(joins, corrected, first)] == [True, False]

    async def test_the_first_of_two_that_waited_is_the_truth(self, joins: Joins) -> None:
        name = str(uuid4())
        await pairs(joins, outcome(name, (0, 1), true_class="honest"))
        await pairs(joins, outcome(name, (0, 2)))
        for _ in range(2):
            found = await pairs(joins, prediction(name, (0, 3)))
            assert [(pair.judgement, pair.is_first) for pair in found] == [
                (Outcome("honest", None, None), True),
                (Outcome("fraud", None, None), False),
            ]
        assert [pair.is_first for pair in await pairs(joins, outcome(name, (0, 4)))] == [False]

    async def test_every_evaluation_and_every_feedback_counts(self, joins: Joins) -> None:
        name = str(uuid4())
        await pairs(joins, evaluation(name, (0, 1), score=0.25, sampling_rate=0.1))
        early = await pairs(joins, interaction(name, (0, 2)))
        late = await pairs(joins, evaluation(name, (0, 3), passed=False), feedback(name, (0, 4)))
        who = "factuality", "judge", "1"
        assert [pair.judgement for pair in early] == [Evaluation(*who, 100_000, True, 250_000, False)]
        assert [pair.judgement for pair in late] == [
            Evaluation(*who, 1_000_000, False, None, False),
            Feedback(4, None, False, False, False),
        ]
        assert {pair.judged for pair in (*early, *late)} == {
            Judged("1.0.0", "", int(NOW.timestamp()), confidence_ppm=900_000)
        }

    async def test_a_second_prediction_of_the_same_id_is_not_the_one(self, joins: Joins) -> None:
        name = str(uuid4())
        await pairs(joins, outcome(name, (0, 1)))
        assert len(await pairs(joins, prediction(name, (0, 2)))) == 1
        assert await pairs(joins, prediction(name, (0, 3))) == []
        (found,) = await pairs(joins, outcome(name, (0, 4)))
        assert not found.is_first

    async def test_predictions_and_interactions_of_one_id_are_two(self, joins: Joins) -> None:
        name = str(uuid4())
        await pairs(joins, interaction(name, (0, 1)))
        assert await pairs(joins, outcome(name, (0, 2))) == []

    @pytest.mark.parametrize("turn", [1, -1])
    async def test_who_comes_after_the_horizon_finds_nobody(self, joins: Joins, turn: int) -> None:
        near, far, late = str(uuid4()), str(uuid4()), timedelta(days=30, seconds=1)
        pair = [prediction(near, (0, 1)), outcome(near, (0, 2), NOW + timedelta(days=30))]
        stranger = [prediction(far, (0, 3)), outcome(far, (0, 4), NOW + late)]
        for events, count in ((pair, 1), (stranger, 0)):
            told = [len(await pairs(joins, each)) for each in events[::turn]]
            assert told == [0, count]
            assert [len(await pairs(joins, each)) for each in events[::turn]] == told

    async def test_the_shorter_of_two_horizons_holds_for_a_pair(self, joins: Joins) -> None:
        week = declared(7, NOW + timedelta(days=1))
        for turn in (1, -1):
            for days, count in ((6, 1), (8, 0)):
                name = str(uuid4())
                events = [prediction(name, (0, 1)), outcome(name, (0, 2), NOW + timedelta(days=days))][::turn]
                told = [len(await pairs(joins, each, horizons=week)) for each in events]
                assert told == [0, count], (turn, days)

    async def test_a_system_whose_horizon_is_off_asks_nothing(self, joins: Joins) -> None:
        name = str(uuid4())
        assert asked_of(joining([prediction(name, (0, 1))]), OFF) == []
        assert await pairs(joins, prediction(name, (0, 1)), outcome(name, (0, 2)), horizons=OFF) == []

    async def test_values_probabilities_and_long_texts_come_back(self, joins: Joins) -> None:
        name, long = str(uuid4()), "\u20ac" * 256
        sure = {long: 0.25, "other": 0.75}
        odd: dict[str, Any] = {
            "predicted_class": long,
            "predicted_value": -1.5e300,
            "probabilities": sure,
            "segment": {"k": "\0v"},
        }
        await pairs(joins, prediction(name, (0, 1), **odd))
        (found,) = await pairs(joins, outcome(name, (0, 2), true_class=long))
        start = int(NOW.timestamp())
        assert found.judged == Judged("1.0.0", "k=\0v", start, long, -1.5e300, 800_000, 250_000)

    async def test_what_does_not_fit_is_counted_and_finds_who_waited(self, crowded: Joins) -> None:
        names = [str(uuid4()) for _ in range(200)]
        batch = [prediction(name, (0, place)) for place, name in enumerate(names)]
        await pairs(crowded, outcome(names[-1], (1, 0)))
        found = await joined(crowded, *batch)
        assert len(found.pairs) == 1
        overflowed = found.overflowed.total()
        assert 0 < overflowed < 200
        assert next(iter(found.overflowed))[:2] == ("default", "support")
        late = await pairs(crowded, *(outcome(name, (2, place)) for place, name in enumerate(names[:-1])))
        assert len(late) == 200 - overflowed
