"""Magnitudes are exact, in the order of the numbers, and within their bounds."""

import math
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyball.stats.magnitudes import MAGNITUDE_MAX, bounds_of, magnitudes_of

FINITE = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(FINITE, min_size=1, max_size=50))
def test_a_number_lies_within_the_bounds_of_its_magnitude(numbers: list[float]) -> None:
    for number, magnitude in zip(numbers, magnitudes_of(np.array(numbers)).tolist(), strict=True):
        low, high = bounds_of(magnitude)
        assert low <= number < high if number > 0 else low < number <= high if number < 0 else magnitude == 0
    ordered = magnitudes_of(np.array(sorted(numbers)))
    assert (np.diff(ordered) >= 0).all()


def test_the_ends_of_the_grid() -> None:
    smallest, largest = math.ulp(0.0), sys.float_info.max
    found = magnitudes_of(np.array([smallest, -smallest, largest, -largest, 1.0, -0.0])).tolist()
    assert found == [1, -1, MAGNITUDE_MAX, -MAGNITUDE_MAX, 1_075, 0]
    assert bounds_of(1_075) == (1.0, 2.0)
    with pytest.raises(ValueError, match="from -2098 to 2098"):
        bounds_of(MAGNITUDE_MAX + 1)
