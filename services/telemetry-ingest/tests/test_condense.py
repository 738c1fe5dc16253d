"""Deltas add: however a stream of events is cut into batches, the sums are the same to the byte."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from flyball.bus.records import Record
from flyball.schemas.drift import CategoricalReference, DriftReference, NumericReference
from flyball.schemas.summaries import FeatureStatistics, TelemetrySummary
from flyball.stats.merging import merge_by_key
from telemetry_ingest.domain.assign import assign, segment_name
from telemetry_ingest.domain.condense import condense
from telemetry_ingest.domain.spans import spans_of_features
from telemetry_ingest.domain.verdicts import Accepted, Limits, Raw, Rejected, judge
from telemetry_ingest.domain.yardsticks import Yardstick

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)

INTERACTION = st.fixed_dictionaries(
    {
        "interaction_id": st.just("i"),
        "release": st.sampled_from(["1.0.0", "1.1.0"]),
        "outcome": st.sampled_from(["ok", "timeout", "tool_error"]),
        "latency_ms": st.floats(0, 60_000),
        "input_tokens": st.none() | st.integers(0, 10_000),
        "cost_micro_usd": st.none() | st.integers(0, 10**6),
        "confidence": st.none() | st.floats(0, 1),
        "escalated": st.booleans(),
        "provider": st.sampled_from([None, "openai"]),
        "model": st.sampled_from([None, "gpt-4o"]),
        "segment": st.sampled_from([{}, {"market": "de"}]),
        "sampling_rate": st.sampled_from([None, None, 1.0, 0.5]),
    }
)
EVALUATION = st.fixed_dictionaries(
    {
        "interaction_id": st.just("i"),
        "release": st.just("1.0.0"),
        "metric": st.sampled_from(["factuality", "relevance"]),
        "evaluator": st.just("judge"),
        "evaluator_version": st.just("1"),
        "passed": st.booleans(),
        "score": st.none() | st.floats(0, 1),
        "sampling_rate": st.sampled_from([1.0, 0.3, 0.01]),
    }
)
GUARDRAIL = st.fixed_dictionaries(
    {
        "release": st.just("1.0.0"),
        "rule": st.sampled_from(["pii", "jailbreak"]),
        "kind": st.just("policy"),
        "blocked": st.booleans(),
        "malicious": st.none() | st.booleans(),
    }
)
PREDICTION = st.fixed_dictionaries(
    {
        "prediction_id": st.just("p"),
        "release": st.just("1.0.0"),
        "predicted_class": st.sampled_from(["yes", "no"]),
        "features": st.dictionaries(
            st.sampled_from(["amount", "country", "unheard-of"]),
            st.none() | st.sampled_from(["de", "fr", "xx"]) | st.floats(-10, 10),
        ),
    }
)
FEEDBACK = st.fixed_dictionaries(
    {
        "interaction_id": st.just("i"),
        "rating": st.integers(1, 5),
        "thumb": st.sampled_from([None, "up", "down"]),
        "complaint": st.booleans(),
    }
)
ACTION = st.fixed_dictionaries({"action_id": st.just("a"), "result": st.sampled_from([None, "timeout"])})
METRIC = st.fixed_dictionaries(
    {
        "metric": st.sampled_from(["cpu", "revenue"]),
        "unit": st.just("%"),
        "layer": st.sampled_from(["infrastructure", "business"]),
        "value": st.floats(-1e9, 1e9),
    }
)
OUTCOME = st.fixed_dictionaries({"prediction_id": st.just("p"), "true_class": st.just("yes")})
TYPED = (
    st.tuples(st.just("interaction.completed"), INTERACTION)
    | st.tuples(st.just("evaluation.recorded"), EVALUATION)
    | st.tuples(st.just("guardrail.checked"), GUARDRAIL)
    | st.tuples(st.just("prediction.made"), PREDICTION)
    | st.tuples(st.just("feedback.given"), FEEDBACK)
    | st.tuples(st.sampled_from(["action.executed", "action.failed"]), ACTION)
    | st.tuples(st.just("metric.sampled"), METRIC)
    | st.tuples(st.just("outcome.observed"), OUTCOME)
)
EVENT = st.builds(lambda typed, seconds: (*typed, seconds), TYPED, st.integers(0, 40))

REFERENCE = DriftReference(
    tenant="default",
    system="support",
    version=3,
    effective_at=NOW - timedelta(seconds=20),
    release=None,
    rows=500,
    features={
        "amount": NumericReference(
            kind="numeric",
            edges=(-1.0, 0.0, 2.5),
            counts=(100, 150, 150, 90),
            rows=500,
            nulls=10,
            minimum=-5.0,
            maximum=5.0,
            standard_deviation=2.0,
        ),
        "country": CategoricalReference(kind="categorical", counts={"de": 400, "fr": 100}, rows=500, nulls=0),
    },
    source="test",
    author="user:test",
    created_at=NOW - timedelta(seconds=60),
)
YARDSTICKS = {("default", "support"): [Yardstick.of(REFERENCE)]}


def verdicts(events: Sequence[tuple[str, Any, int]]) -> list[Accepted | Rejected]:
    return [judge(_raw(number, *event), Limits()) for number, event in enumerate(events)]


def _raw(number: int, kind: str, data: dict[str, Any], seconds: int) -> Raw:
    body = {
        "specversion": "1.0",
        "id": str(number),
        "source": "/a",
        "type": kind,
        "subject": "support",
        "time": (NOW - timedelta(seconds=seconds)).isoformat(),
        "data": data,
    }
    return Record("agent.events.v1", 0, number, NOW_MS, b"support", json.dumps(body).encode(), ())


def deltas(batch: Sequence[Accepted | Rejected]) -> list[dict[str, Any]]:
    accepted = [v for v in batch if isinstance(v, Accepted)]
    rejected = [v for v in batch if isinstance(v, Rejected)]
    condensed = condense(assign(accepted), (), rejected, YARDSTICKS)
    frozen = [bucket.freeze(key) for key, bucket in condensed.buckets.items()]
    # Through the wire and back: what is merged is what readers get.
    return [TelemetrySummary.model_validate_json(s.model_dump_json()).model_dump(mode="json") for s in frozen]


def merged(summaries: Sequence[dict[str, Any]]) -> str:
    """What readers make of the deltas, to the byte."""
    held = [TelemetrySummary.model_validate_json(json.dumps(summary)) for summary in summaries]
    return "\n".join(summary.model_dump_json() for summary in merge_by_key(held))


@settings(max_examples=60)
@given(st.lists(EVENT, min_size=1, max_size=40), st.randoms(use_true_random=False), st.integers(1, 10))
def test_any_split_and_order_merges_to_the_same_bytes(events: Any, random: Any, size: int) -> None:
    whole = verdicts(events)
    shuffled = list(whole)
    random.shuffle(shuffled)
    parts = [delta for at in range(0, len(shuffled), size) for delta in deltas(shuffled[at : at + size])]
    assert merged(parts) == merged(deltas(whole))


@settings(max_examples=60)
@given(st.lists(EVENT, min_size=1, max_size=40))
def test_conservation_every_record_is_in_exactly_one_total(events: Any) -> None:
    judged = verdicts(events)
    accepted = [v for v in judged if isinstance(v, Accepted)]
    rejected = [v for v in judged if isinstance(v, Rejected)]
    condensed = condense(assign(accepted[1:]), accepted[:1], rejected, {})
    totals = condensed.totals.values()
    assert sum(t.counted + t.duplicates + t.rejected for t in totals) == len(judged)
    measured = [bucket.measurement for bucket in condensed.buckets.values()]
    assert sum(m.counted for m in measured) == sum(t.counted for t in totals)
    assert sum(m.duplicates for m in measured) == sum(t.duplicates for t in totals)
    assert sum(m.rejected.total() for m in measured) == sum(t.rejected for t in totals)


def test_segments_are_named_in_one_order_and_bounded() -> None:
    assert segment_name({"plan": "pro", "market": "de"}) == segment_name({"market": "de", "plan": "pro"})
    assert segment_name({"plan": "pro", "market": "de"}) == "market=de,plan=pro"
    assert segment_name({"a": "x" * 200, "b": "y" * 200}) == "other"
    assert segment_name({}) == ""
    assert segment_name({"a": "b,c=d"}) != segment_name({"a": "b", "c": "d"})


def test_a_bucket_with_very_many_distinct_values_is_published_in_parts_that_fit_a_record() -> None:
    error = "x" * 60
    data = {"interaction_id": "i", "release": "1.0.0", "latency_ms": 1.0}
    events = [("interaction.completed", {**data, "outcome": f"{error}{n:04}"}, 0) for n in range(2_000)]
    judged = [verdict for verdict in verdicts(events) if isinstance(verdict, Accepted)]
    condensed = condense(assign(judged), (), (), {})
    parts = [bucket.freeze(key) for key, bucket in condensed.buckets.items()]
    assert len(parts) == 8
    assert max(len(part.model_dump_json()) for part in parts) < 100_000
    assert sum(part.interactions.count for part in parts) == 2_000
    assert len({key.summary_id("t", 0, 0) for key in condensed.buckets}) == 8


def predictions(*features: dict[str, Any], seconds: int = 0) -> list[Accepted]:
    data = {"prediction_id": "p", "release": "1.0.0", "predicted_class": "yes"}
    events = [("prediction.made", {**data, "features": each}, seconds) for each in features]
    return [verdict for verdict in verdicts(events) if isinstance(verdict, Accepted)]


def counted(*features: dict[str, Any], seconds: int = 0) -> FeatureStatistics:
    condensed = condense(assign(predictions(*features, seconds=seconds)), (), (), YARDSTICKS)
    ((key, bucket),) = condensed.buckets.items()
    (found,) = bucket.freeze(key).features
    return found


def test_features_are_counted_on_the_edges_of_the_reference() -> None:
    rows: list[dict[str, Any]] = [{"amount": -1.0, "country": "de"}, {"amount": 99.0, "country": "xx"}]
    rows += [{"amount": 2.4999, "country": 7.0}, {"amount": "n/a", "country": None}, {"unheard-of": 1.0}]
    found = counted(*rows)
    assert (found.reference_version, found.rows, found.values) == (3, 5, {})
    amount, country = found.numeric["amount"], found.categorical["country"]
    assert amount.bins == {1: 1, 2: 1, 3: 1}
    assert (amount.nulls, amount.unparsable, amount.out_of_range) == (1, 1, 1)
    assert sum(amount.magnitudes.values()) == sum(amount.bins.values()) == 3
    assert (country.known, country.new, country.nulls, country.unparsable) == ({"de": 1}, 1, 2, 1)


def test_a_reference_holds_for_buckets_that_begin_when_it_has_taken_effect() -> None:
    before = counted({"amount": 1.5, "country": "de"}, {"amount": 1.5}, {"amount": -0.0}, seconds=21)
    assert (before.reference_version, before.rows) == (0, 3)
    assert before.values["amount"].numbers == {1.5: 2, 0.0: 1}
    assert before.values["country"].texts == {"de": 1}
    assert counted({"amount": 1.5}, seconds=20).reference_version == 3


def test_references_are_asked_for_the_span_of_the_predictions_alone() -> None:
    assert spans_of_features(assign(predictions())) == {}
    spans = spans_of_features(assign(predictions({}, seconds=13) + predictions({}, seconds=4)))
    assert spans == {("default", "support"): (NOW - timedelta(seconds=20), NOW - timedelta(seconds=10))}


def test_values_without_a_reference_are_published_in_parts_that_fit_a_record() -> None:
    long = "\u0001" * 60
    wide = [{f"{name:03}{long}": f"{row}{long}" for name in range(512)} for row in range(4)]
    condensed = condense(assign(predictions(*wide)), (), (), {})
    parts = [bucket.freeze(key) for key, bucket in condensed.buckets.items()]
    assert len(parts) == 4
    assert max(len(part.model_dump_json()) for part in parts) < 1_000_000
    assert sum(part.features[0].rows for part in parts) == 4


def test_what_users_said_how_actions_ended_and_what_was_sampled() -> None:
    said = {"interaction_id": "i", "release": "1.0.0"}
    events = [
        ("feedback.given", {**said, "rating": 4}, 0),
        ("feedback.given", {**said, "thumb": "down", "complaint": True}, 0),
        ("action.executed", {"action_id": "a", "release": "1.0.0"}, 0),
        ("action.failed", {"action_id": "b", "release": "1.0.0", "result": "timeout"}, 0),
        ("action.failed", {"action_id": "c", "release": "1.0.0"}, 0),
        ("metric.sampled", {"metric": "margin", "value": -2.5, "unit": "EUR", "release": "1.0.0"}, 0),
        ("metric.sampled", {"metric": "margin", "value": 7.25, "unit": "EUR", "release": "1.0.0"}, 0),
    ]
    judged = [verdict for verdict in verdicts(events) if isinstance(verdict, Accepted)]
    ((key, bucket),) = condense(assign(judged), (), (), {}).buckets.items()
    summary = bucket.freeze(key)
    feedback, actions, (margin,) = summary.feedback, summary.actions, summary.metrics
    assert (feedback.count, feedback.ratings, feedback.thumbs_down, feedback.complaints) == (2, {4: 1}, 1, 1)
    assert (actions.executed, actions.failed) == (1, {"timeout": 1, "unknown": 1})
    assert (margin.count, margin.total_micro) == (2, 4_750_000)
    assert (margin.minimum_micro, margin.maximum_micro) == (-2_500_000, 7_250_000)
    assert (sum(margin.bins.values()), sum(margin.negative_bins.values())) == (1, 1)


def test_an_outcome_without_a_release_counts_for_its_system() -> None:
    events = [("outcome.observed", {"prediction_id": "p", "true_class": "yes"}, 0)]
    judged = [verdict for verdict in verdicts(events) if isinstance(verdict, Accepted)]
    ((key, bucket),) = condense(assign(judged), (), (), {}).buckets.items()
    assert (key.release, bucket.freeze(key).joins.outcomes_received) == ("", 1)
