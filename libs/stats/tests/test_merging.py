"""Any split, order and grouping of deltas merges to the same bytes."""

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_summaries import START, random_summary

from flyball.schemas.digest import canonical
from flyball.schemas.summaries import Histogram, InteractionStatistics, TelemetrySummary
from flyball.stats.merging import IDENTITIES, _rules, merge, merge_by_key, merge_histograms, total

SEEDS = st.integers(0, 2**32).map(Random)
"""Drawing each of a thousand values from hypothesis itself takes seconds an example."""
KEY: dict[str, Any] = {"release": "1.0", "segment": None, "bucket_start": START}


def written(summaries: Any) -> bytes:
    return canonical([each.model_dump_json() for each in summaries])


def in_parts(random: Random, summaries: list[TelemetrySummary], merged: Any) -> list[TelemetrySummary]:
    """Merged as a tree of random shape over a random order."""
    held = random.sample(summaries, len(summaries))
    while len(held) > 1:
        taken = [held.pop() for _ in range(random.randrange(1, min(4, len(held) + 1)))]
        held = [*merged(taken), *held]
        held = random.sample(held, len(held)) if len(taken) > 1 or random.random() < 0.5 else list(merged(held))
    return list(merged(held))


FEW = settings(max_examples=5)
MANY = settings(max_examples=40)


@FEW
@given(SEEDS, st.integers(1, 6))
def test_any_tree_over_any_order_of_one_bucket_merges_to_the_same_bytes(random: Random, size: int) -> None:
    check_one_bucket(random, size)


@FEW
@given(SEEDS, st.integers(1, 6))
def test_any_split_of_many_buckets_merges_to_the_same_bytes(random: Random, size: int) -> None:
    check_many_buckets(random, size)


@pytest.mark.seeds
@MANY
@given(SEEDS, st.integers(1, 12))
def test_any_split_order_and_grouping_at_length(random: Random, size: int) -> None:
    check_one_bucket(random, size)
    check_many_buckets(random, size)


def check_one_bucket(random: Random, size: int) -> None:
    deltas = [random_summary(random, **KEY) for _ in range(size)]
    assert written(in_parts(random, deltas, lambda taken: [merge(taken)])) == written([merge(deltas)])
    TelemetrySummary.model_validate_json(merge(deltas).model_dump_json())


def check_many_buckets(random: Random, size: int) -> None:
    deltas = [random_summary(random) for _ in range(size)]
    cut = random.randrange(size + 1)
    halves = [*merge_by_key(deltas[cut:]), *merge_by_key(deltas[:cut])]
    assert written(merge_by_key(halves)) == written(merge_by_key(deltas))
    assert written([total(merge_by_key(deltas))]) == written([total(deltas)])
    assert written(in_parts(random, deltas, lambda taken: [total(taken)])) == written([total(deltas)])


def test_what_is_merged_is_the_sum_of_every_whole_number() -> None:
    random = Random(1)
    deltas = [random_summary(random, **KEY) for _ in range(5)]
    merged = merge(deltas)
    assert merged.interactions.count == sum(delta.interactions.count for delta in deltas)
    metrics = [metric for delta in deltas for metric in delta.metrics]
    assert sum(metric.total_micro for metric in merged.metrics) == sum(metric.total_micro for metric in metrics)
    assert min(m.minimum_micro for m in merged.metrics) == min(m.minimum_micro for m in metrics)
    assert max(m.maximum_micro for m in merged.metrics) == max(m.maximum_micro for m in metrics)
    assert merged.event_time_max == max(delta.event_time_max for delta in deltas)


def test_members_that_differ_in_what_identifies_them_do_not_add() -> None:
    random = Random(2)
    merged = merge([random_summary(random, **KEY) for _ in range(150)])
    judged = [(e.metric, e.evaluator, e.evaluator_version, e.sampling_ppm) for e in merged.evaluations]
    assert judged == sorted(set(judged))
    assert len(judged) == 16


def test_deltas_of_different_buckets_or_systems_are_not_one() -> None:
    random = Random(3)
    here, there = random_summary(random, **KEY), random_summary(random, **{**KEY, "release": None})
    with pytest.raises(ValueError, match="one bucket"):
        merge([here, there])
    with pytest.raises(ValueError, match="one bucket"):
        merge([])
    with pytest.raises(ValueError, match="one tenant and system"):
        total([here, random_summary(random, system="other")])
    assert total([here, there]).release is None
    assert total([here, here]).release == "1.0"


def test_every_field_of_the_model_has_a_rule() -> None:
    """A field of a new kind fails here, not in a figure."""
    for model in (*IDENTITIES, InteractionStatistics):
        assert _rules(model).keys() == model.model_fields.keys()


def test_histograms_add_by_bin() -> None:
    assert merge_histograms([]) == Histogram()
    one, two = Histogram(count=2, total=7, bins={3: 1, 4: 1}), Histogram(count=1, total=3, bins={3: 1})
    assert merge_histograms([one, two]) == Histogram(count=3, total=10, bins={3: 2, 4: 1})
