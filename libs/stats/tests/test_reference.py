import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyball.stats.reference import (
    category_reference,
    count_codes,
    count_numeric,
    new_category_hits,
    numeric_reference,
    out_of_range_hits,
)

VALUES = st.lists(st.floats(width=32) | st.sampled_from([0.0, -0.0, 1.0, 7.5]), min_size=1, max_size=200)


@given(VALUES, VALUES)
def test_counting_a_batch_is_binning_row_by_row(reference_values: list[float], live: list[float]) -> None:
    bins = numeric_reference(np.resize(reference_values, 700), bins=12)
    counted = count_numeric(bins, live)
    finite = [value for value in live if np.isfinite(value)]
    expected = [0] * (len(bins.edges) + 1)
    for value in finite:
        expected[sum(edge <= value for edge in bins.edges)] += 1
    assert counted.counts.tolist() == expected
    assert counted.nulls == len(live) - len(finite)
    assert counted.out_of_range == sum(not bins.minimum <= value <= bins.maximum for value in finite)


@given(VALUES, st.randoms(), st.integers(0, 200))
def test_order_and_split_change_nothing(live: list[float], random: object, cut: int) -> None:
    bins = numeric_reference(np.random.default_rng(1).standard_normal(500))
    whole = count_numeric(bins, live)
    shuffled = list(live)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = count_numeric(bins, shuffled[:cut]), count_numeric(bins, shuffled[cut:])
    assert (one.counts + other.counts).tolist() == whole.counts.tolist()
    assert one.nulls + other.nulls == whole.nulls
    assert one.out_of_range + other.out_of_range == whole.out_of_range


def test_a_continuous_feature_has_fifty_bins_of_equal_size() -> None:
    bins = numeric_reference(np.random.default_rng(2).permutation(10_000))
    assert bins.edges.size == 49
    assert bins.counts.tolist() == [200] * 50
    assert (bins.minimum, bins.maximum, bins.rows, bins.nulls) == (0, 9_999, 10_000, 0)
    assert bins.standard_deviation == pytest.approx(10_000 / np.sqrt(12), rel=0.01)


def test_the_reference_counts_itself() -> None:
    values = np.random.default_rng(3).lognormal(size=5_000).round(1)
    bins = numeric_reference(values)
    assert count_numeric(bins, values).counts.tolist() == bins.counts.tolist()


def test_an_atom_has_a_bin_of_its_own() -> None:
    rng = np.random.default_rng(4)
    values = np.where(rng.random(10_000) < 0.6, 0.0, rng.standard_exponential(10_000))
    bins = numeric_reference(values)
    assert (values == 0).sum() in bins.counts
    assert bins.edges.size <= 49


def test_exp_and_minus_keep_the_bins() -> None:
    values = np.random.default_rng(5).standard_normal(5_000)
    bins = numeric_reference(values)
    assert numeric_reference(np.exp(values)).edges.tolist() == np.exp(bins.edges).tolist()
    assert numeric_reference(-values).counts.tolist() == bins.counts.tolist()
    live = np.random.default_rng(6).standard_normal(400)
    counts = count_numeric(bins, live).counts
    assert count_numeric(numeric_reference(np.exp(values)), np.exp(live)).counts.tolist() == counts.tolist()
    assert (
        np.abs(count_numeric(numeric_reference(-values), -live).counts[::-1] - counts).sum() <= 20
    )  # 49 gaps of 5,000


def test_one_outlier_in_training_changes_nothing() -> None:
    values = np.random.default_rng(7).standard_normal(10_000)
    plain, wild = numeric_reference(values), numeric_reference(np.append(values[1:], 1e300))
    assert np.abs(plain.edges - wild.edges).max() < 0.05
    assert wild.standard_deviation == pytest.approx(plain.standard_deviation, rel=0.01)


def test_constant_and_all_null_columns_are_references_too() -> None:
    constant = numeric_reference(np.full(500, 4.25))
    assert constant.counts.tolist() == [0, 500, 0]
    assert constant.standard_deviation == 0
    assert count_numeric(constant, [4.25, 4.3]).counts.tolist() == [0, 1, 1]
    empty = numeric_reference(np.full(500, np.nan))
    assert (empty.nulls, empty.counts.sum(), out_of_range_hits(empty)) == (500, 0, 0)
    assert count_numeric(empty, [np.nan, 1.0]).nulls == 1
    assert count_numeric(empty, []).counts.tolist() == [0, 0]


def test_the_ends_count_as_out_of_range() -> None:
    assert out_of_range_hits(numeric_reference(np.arange(500.0))) == 2


def test_under_500_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="needs 500 rows, not 499"):
        numeric_reference(np.arange(499))
    with pytest.raises(ValueError, match="needs 500 rows, not 499"):
        category_reference(["a"] * 499)


def test_a_reference_of_categories_counts_them_and_nulls() -> None:
    reference = category_reference(["b"] * 300 + ["a"] * 200 + [None] * 7 + ["rare"])
    assert reference.counts == {"b": 300, "a": 200, "rare": 1}
    assert (reference.rows, reference.nulls, new_category_hits(reference)) == (508, 7, 1)


def test_what_is_cut_off_counts_as_new() -> None:
    reference = category_reference([f"user {number}" for number in range(400)] + ["x"] * 200, categories=10)
    assert len(reference.counts) == 10
    assert new_category_hits(reference) == 400


def test_ties_of_frequency_do_not_depend_on_the_order_of_rows() -> None:
    names = [str(number % 50) for number in range(500)]
    assert category_reference(names, 7) == category_reference(names[::-1], 7)


def test_codes_are_counted_likewise() -> None:
    counts, new, nulls = count_codes(np.array([0, 2, 2, -1, 3, 99, -7]), 3)
    assert (counts.tolist(), new, nulls) == ([1, 0, 2], 3, 1)
