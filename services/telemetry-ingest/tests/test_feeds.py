"""A feed follows from its records in their order, however they are cut into batches."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from flyball.schemas.expected import TABLES, fields
from flyball.schemas.plain import InteractionCompleted, InteractionCompletedEvent, PredictionMade, PredictionMadeEvent
from flyball.schemas.telemetry import Expectation, ModelPrice, TelemetryPolicy
from telemetry_ingest.domain.assign import segment_name
from telemetry_ingest.domain.feeds.expectations import compiled, holds
from telemetry_ingest.domain.feeds.facts import decide_again, facts_of, released
from telemetry_ingest.domain.feeds.feed import Feed
from telemetry_ingest.domain.feeds.notices import Noticed, Priced, Quarantined
from telemetry_ingest.domain.feeds.prices import Rates, Request, Tariff, flat
from telemetry_ingest.domain.feeds.rules import Declaration, Revision
from telemetry_ingest.domain.feeds.state import FeedState
from telemetry_ingest.domain.marks import Mark

START = datetime(2026, 11, 21, 12, tzinfo=UTC)
START_MS = int(START.timestamp() * 1_000)
KEY = ("default", "support")


@dataclass(frozen=True)
class Listed:
    """A price that has been the same always, or one that begins at ``START``."""

    always: Tariff | None

    def at(self, moment: datetime) -> Tariff | None:
        return self.always or (KNOWN if moment >= START else None)


KNOWN = flat(Rates(10**9, 2 * 10**9))
TIERED = Tariff(((15, Rates(2 * 10**9, 0)), (-1, Rates(10**9, 0))))


def price(_provider: str | None, model: str) -> Listed | None:
    return {"known": Listed(KNOWN), "new": Listed(None), "tiered": Listed(TIERED)}.get(model)


def declared(*policies: TelemetryPolicy) -> Declaration:
    """The nth one takes effect after n hours."""
    return Declaration(
        [Revision(n + 1, START + timedelta(hours=n), "team:ops", policy) for n, policy in enumerate(policies)]
    )


def feed(*policies: TelemetryPolicy, state: FeedState | None = None) -> Feed:
    return Feed(price, state or FeedState(), declared(*policies))


ENVELOPE: dict[str, Any] = {"specversion": "1.0", "id": "e", "source": "/a", "subject": "support", "time": START}


def interaction(**data: Any) -> InteractionCompletedEvent:
    given: dict[str, Any] = {"interaction_id": "i", "release": "1.0.0", "outcome": "ok", "latency_ms": 1.0, **data}
    return InteractionCompletedEvent(data=InteractionCompleted(**given), **ENVELOPE)


def prediction(**features: Any) -> PredictionMadeEvent:
    given: dict[str, Any] = {"prediction_id": "p", "release": "1.0.0", "predicted_class": "yes", "features": features}
    return PredictionMadeEvent(data=PredictionMade(**given), **ENVELOPE)


def test_the_first_values_of_a_label_are_told_apart_and_the_rest_is_other() -> None:
    one = feed(TelemetryPolicy(label_values_max=2))
    shown = [one.look(interaction(segment={"user": str(n % 4), "plan": "x"}), START_MS) for n in range(6)]
    names = [event.data.segment["user"] for event, _ in shown]  # type: ignore[union-attr]
    assert names == ["0", "1", "other", "other", "0", "1"]
    assert [mark.other_labels if mark else 0 for _, mark in shown] == [0, 0, 1, 1, 0, 0]


def test_the_first_combinations_of_labels_are_told_apart_and_the_rest_is_other() -> None:
    one = feed(TelemetryPolicy(segments_max=3, label_values_max=2), TelemetryPolicy(segments_max=4, label_values_max=2))
    segments = [{"plan": a, "user": b} for a, b in ("11", "12", "13", "21", "11", "24")]
    shown = [segment_name(one.look(interaction(segment=each), START_MS)[0].data.segment) for each in segments]  # type: ignore[union-attr]
    assert shown == ["plan=1,user=1", "plan=1,user=2", "plan=1,user=other", OTHERS, "plan=1,user=1", OTHERS]
    again, mark = one.look(interaction(segment={"user": "1", "plan": "1"}), START_MS)
    assert (segment_name(again.data.segment), mark) == ("plan=1,user=1", None), "in whatever order"  # type: ignore[union-attr]
    assert one.look(interaction(segment=segments[3]), START_MS)[1] == Mark(other_labels=2)
    later, mark = one.look(interaction(segment=segments[3]), START_MS + 3_600_000)
    assert (later.data.segment, mark) == (segments[3], None), "a larger cap has room"  # type: ignore[union-attr]
    assert len(feed(state=one.state).labels.segments) == 4


OTHERS = "other=other"


def test_a_label_with_a_million_values_takes_bounded_memory() -> None:
    one = feed()
    for n in range(3_000):
        one.look(interaction(segment={f"key{n % 50}": str(n)}), START_MS)
    assert len(one.labels.known) == 32
    assert max(map(len, one.labels.known.values())) <= 100
    event, mark = one.look(interaction(segment={"key49": "5"}), START_MS)
    assert event.data.segment == {"other": "other"}  # type: ignore[union-attr]
    assert mark == Mark(other_labels=1)


def test_an_interaction_without_a_cost_is_priced_and_one_with_a_cost_is_not() -> None:
    one = feed(TelemetryPolicy(prices={"acme/m": ModelPrice(input_micro_usd=10**6, output_micro_usd=0)}))
    tokens = {"input_tokens": 7, "output_tokens": 2}
    events = [
        interaction(model="known", **tokens),
        interaction(model="known", cost_micro_usd=3, **tokens),
        interaction(provider="acme", model="m", **tokens),
        interaction(**tokens),
        interaction(model="unknown", **tokens),
    ]
    costs = [one.look(event, START_MS)[0].data.cost_micro_usd for event in events]  # type: ignore[union-attr]
    assert costs == [11, 3, 7, None, None]


def test_a_price_that_follows_the_time_is_asked_for_each_request() -> None:
    one = feed()
    events = [interaction(model="new", input_tokens=1, output_tokens=1) for _ in range(2)]
    costs = []
    for event, time in zip(events, (START, START - timedelta(seconds=1)), strict=True):
        looked, _ = one.look(replace(event, time=time), START_MS)
        costs.append(looked.data.cost_micro_usd)  # type: ignore[union-attr]
    assert costs == [3, None]


def test_an_unknown_model_is_told_once_and_its_price_resolves_it() -> None:
    agreed = TelemetryPolicy(prices={"acme/m": ModelPrice(input_micro_usd=1, output_micro_usd=1)})
    one = feed(TelemetryPolicy(), agreed)
    for _ in range(3):
        one.look(interaction(provider="acme", model="m", input_tokens=1, output_tokens=1), START_MS)
    later = START_MS + 3_600_000
    one.look(interaction(provider="acme", model="m", input_tokens=1, output_tokens=1), later)
    assert one.notices == [
        Noticed("model.unpriced", "model", "acme/m", 1, START_MS, "1.0.0"),
        Priced("acme/m", START_MS, later),
    ]
    told, fired, resolved = [fact for notice in one.notices for fact in facts_of(KEY, notice, one.owner_of(notice))]
    assert told.kind == "model.unpriced"
    assert (fired.status, resolved.status, fired.fingerprint == resolved.fingerprint) == ("firing", "resolved", True)


def test_very_many_models_are_unpriced_as_one() -> None:
    one = feed()
    for n in range(400):
        one.look(interaction(model=f"m{n}", input_tokens=1, output_tokens=1), START_MS)
    assert len(one.notices) == 65
    assert len(one.apart.models) == 256


def request(model: str, tokens: int, provider: str | None = None) -> Request:
    return Request(provider, model, tokens, 0, None, START)


def test_requests_of_several_models_are_priced_by_what_their_system_agreed_on_and_rounded_once() -> None:
    agreed = TelemetryPolicy(prices={"acme/known": ModelPrice(input_micro_usd=500_000, output_micro_usd=0)})
    one = feed(agreed)
    assert one.price([request("known", 3, "acme"), request("known", 7)], START_MS, "1.0.0") == 8, "1.5 and 7"
    assert one.price([request("known", 3), request("known", 7)], START_MS, "1.0.0") is None, "as its sums are"
    assert one.price([request("tiered", 10), request("tiered", 10)], START_MS, "1.0.0") == 20
    assert (
        feed(TelemetryPolicy(prices={"unknown/tiered": agreed.prices["acme/known"]})).price(
            [request("tiered", 10), request("tiered", 10)], START_MS, "1.0.0"
        )
        is None
    ), "what is agreed does not depend on size"
    assert one.notices == []


def test_of_several_models_the_one_without_a_price_is_told_and_not_several() -> None:
    one = feed(
        TelemetryPolicy(), TelemetryPolicy(prices={"unknown/m": ModelPrice(input_micro_usd=0, output_micro_usd=0)})
    )
    requests = [request("known", 3), request("m", 1)]
    assert one.price(requests, START_MS, "1.0.0") is None
    assert one.price([request("m", 1), request("m", 1)], START_MS, "1.0.0") is None
    one.look(interaction(model="several", input_tokens=4, output_tokens=0), START_MS)
    later = START_MS + 3_600_000
    assert one.price(requests, later, "1.0.0") == 3
    assert one.notices == [
        Noticed("model.unpriced", "model", "unknown/m", 1, START_MS, "1.0.0"),
        Priced("unknown/m", START_MS, later),
    ]


def test_personal_data_is_told_once_an_hour_with_its_count() -> None:
    one = feed()
    for minute in (0, 1, 59, 61, 62):
        one.personal_data([("outcome", "email")], START_MS + minute * 60_000)
    assert [(notice.count, notice.at_ms - START_MS) for notice in one.notices] == [(1, 0), (3, 3_660_000)]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("value", "expected", "good"),
    [
        (1.5, Expectation(type="number", minimum=0, maximum=2), True),
        (2.5, Expectation(maximum=2), False),
        ("2", Expectation(maximum=2), False),
        ("de", Expectation(allowed=("de", "fr")), True),
        ("xx", Expectation(allowed=("de", "fr")), False),
        (1.0, Expectation(type="text"), False),
        (3.0, Expectation(type="integer"), True),
        (3.5, Expectation(type="integer"), False),
        (True, Expectation(type="boolean"), True),
        (True, Expectation(type="number"), False),
    ],
)
def test_what_a_value_should_be(value: Any, expected: Expectation, good: bool) -> None:
    assert holds(value, expected) is good


def test_every_name_that_a_spec_may_expect_something_of_is_looked_at() -> None:
    names = {*fields(), *(f"{table}.x" for table in TABLES)}
    looked_at = compiled(TelemetryPolicy.model_construct(expectations=dict.fromkeys(names, Expectation())))
    assert {expected.name for kind in looked_at.values() for expected in kind} == names


EXPECTS = TelemetryPolicy(
    expectations={
        "features.amount": Expectation(maximum=100.0, broken_ppm_max=100_000),
        "latency_ms": Expectation(maximum=10.0, broken_ppm_max=500_000),
        "features.country": Expectation(null_ppm_max=900_000, broken_ppm_max=1_000_000),
    },
    quarantine_rows_min=10,
    quarantine_window_seconds=60,
)


def test_a_rate_over_its_limit_puts_the_feed_into_quarantine() -> None:
    one = feed(EXPECTS)
    marks = [one.look(prediction(amount=500.0 if n > 9 else 5.0, country="de"), START_MS + n)[1] for n in range(14)]
    assert [mark.is_suspect for mark in marks if mark] == [False] * 11 + [True] * 3
    (notice,) = one.notices
    assert isinstance(notice, Quarantined)
    assert (notice.quarantine.field, notice.quarantine.what) == ("features.amount", "broken")
    assert (notice.quarantine.count, notice.quarantine.rows) == (2, 12)
    exception, alert, record = facts_of(KEY, notice, one.owner_of(notice))
    assert "features.amount is broken in 2 of 12 rows (16.67%, limit 10 %) within 60 s" in exception.detail
    assert (alert.owner, alert.sample_size, alert.threshold) == ("team:ops", 12, "at most 10 %")
    assert decide_again(dict(record.inputs)) == record.decision == "quarantined"


def test_nulls_are_counted_and_old_rows_are_forgotten() -> None:
    one = feed(EXPECTS)
    for n in range(30):
        one.look(prediction(amount=5.0, country="de" if n < 5 else None), START_MS + n * 4_000)
    (notice,) = one.notices
    assert isinstance(notice, Quarantined)
    assert (notice.quarantine.field, notice.quarantine.what, notice.quarantine.rows) == ("features.country", "null", 15)


def test_a_release_holds_for_what_is_appended_after_it() -> None:
    one = feed(EXPECTS)
    for n in range(12):
        one.look(prediction(amount=500.0), START_MS + n)
    assert one.trust.quarantine is not None
    one.trust.released_ms = START_MS + 100
    marks = [one.look(prediction(amount=5.0), START_MS + at)[1] for at in (50, 100, 101, 102)]
    assert [mark.is_suspect for mark in marks if mark] == [True, True, False, False]
    exception, alert, record = released(KEY, [one_quarantine(one)], "user:mia", "it was a test", START_MS + 100)
    assert (exception.kind, alert.status, record.actor) == ("feed.released", "resolved", "user:mia")


def one_quarantine(held: Feed) -> Any:
    broken = feed(EXPECTS)
    for n in range(12):
        broken.look(prediction(amount=500.0), START_MS + n)
    assert held.trust.quarantine is None
    return broken.trust.quarantine


def test_a_system_without_expectations_is_never_counted() -> None:
    one = feed(TelemetryPolicy())
    assert one.look(prediction(amount=500.0), START_MS)[1] is None
    assert not one.has_changed


def test_a_system_is_declared_from_the_time_its_spec_holds() -> None:
    declaration = declared(TelemetryPolicy())
    assert [declaration.is_declared_at(START_MS + at) for at in (-1, 0, 1, -1)] == [False, True, True, False]
    assert Declaration([Revision(7, START, "x", TelemetryPolicy())]).is_declared_at(START_MS - 1)


ROW = st.tuples(
    st.integers(0, 3_000), st.sampled_from([None, 5.0, 500.0]), st.sampled_from(["a", "b", "c"]), st.booleans()
)


@settings(max_examples=40)
@given(st.lists(ROW, max_size=60), st.integers(1, 60))
def test_any_cut_into_batches_leaves_the_same_feed_and_tells_the_same(rows: list[Any], size: int) -> None:
    policy = replace_policy(EXPECTS, label_values_max=2, segments_max=2)
    whole, whole_told = read(feed(policy), rows)
    state, told = FeedState(), list[Any]()
    for at in range(0, len(rows), size):
        part, said = read(feed(policy, state=state), rows[at : at + size])
        # Through the store and back.
        state, told = part.state, told + said
    assert state == whole.state
    for kind in (Noticed, Priced, Quarantined, Mark, type(None)):
        assert [one for one in told if isinstance(one, kind)] == [one for one in whole_told if isinstance(one, kind)]


def replace_policy(policy: TelemetryPolicy, **changes: Any) -> TelemetryPolicy:
    return policy.model_copy(update=changes)


def read(one: Feed, rows: Sequence[Any]) -> tuple[Feed, list[Any]]:
    marks = []
    for late_ms, amount, label, is_known in rows:
        event = prediction(amount=amount)
        data = replace(event.data, segment={"x": label})
        marks.append(one.look(replace(event, data=data), START_MS + late_ms)[1])
        model = "known" if is_known else "unknown"
        one.look(interaction(model=model, input_tokens=1, output_tokens=1), START_MS + late_ms)
    return one, [*one.notices, *marks]
