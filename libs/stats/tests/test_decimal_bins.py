from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from flyball.stats.decimal_bins import BINS_MAX, count_below, decimal_bin, decimal_bins, lower_edge

VALUES = st.integers(min_value=0, max_value=10**15)


@given(VALUES)
def test_a_value_lies_in_its_bin_and_the_bin_is_one_percent_wide(value: int) -> None:
    index = decimal_bin(value)
    low, high = lower_edge(index), lower_edge(index + 1)
    assert low <= value < high
    assert (high - low) * 100 <= max(low, 100)


@given(VALUES, VALUES)
def test_bins_keep_the_order_of_values(one: int, other: int) -> None:
    assert (one <= other) <= (decimal_bin(one) <= decimal_bin(other))


@given(st.lists(VALUES, max_size=50), st.integers(1, 999), st.integers(0, 9))
def test_counting_below_three_significant_digits_is_exact(values: list[int], mantissa: int, exponent: int) -> None:
    limit = mantissa * 10**exponent
    bins = Counter(map(decimal_bin, values))
    assert count_below(bins, limit) == sum(value < limit for value in values)


def test_five_seconds_in_microseconds_is_an_edge() -> None:
    bins = Counter(map(decimal_bin, (4_999_999, 5_000_000, 5_000_001)))
    assert count_below(bins, 5_000_000) == 1


EDGES = [10**power + step for power in range(19) for step in (-1, 0, 1)]


@given(st.lists(st.integers(0, 2**63 - 1) | st.sampled_from(EDGES), max_size=50))
def test_many_bins_at_once_are_those_of_each_value(values: list[int]) -> None:
    found = decimal_bins(np.array([*values, *EDGES, 2**63 - 1], dtype=np.int64)).tolist()
    assert found == [decimal_bin(value) for value in (*values, *EDGES, 2**63 - 1)]
    assert max(found) < BINS_MAX
