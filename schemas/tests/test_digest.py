"""The quick way to the canonical form gives the same bytes as the library."""

import math

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from flyball.schemas.digest import canonical

TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_it_is_what_the_library_writes(value: object) -> None:
    assert canonical(value) == rfc8785.dumps(value)


@given(st.floats(1e-5, 1e17) | st.floats(0, 1).map(lambda x: x * 1e-3) | st.integers(-5, 5).map(float))
def test_numbers_at_the_edges(number: float) -> None:
    assert canonical([number, -number]) == rfc8785.dumps([number, -number])


@pytest.mark.parametrize("value", [2**53, -(2**53), math.nan, math.inf, {1: 2}, "\ud800"])
def test_what_has_no_canonical_form_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"not canonical|surrogates"):
        canonical(value)
