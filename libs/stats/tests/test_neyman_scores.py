import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyball.stats.neyman_scores import middle_ranks, neyman_scores

COUNTS = st.lists(st.integers(0, 10_000), min_size=1, max_size=60).filter(any)


@given(COUNTS)
def test_scores_are_orthonormal_under_the_reference_or_zero(counts: list[int]) -> None:
    shares = np.array(counts) / sum(counts)
    location, scale = neyman_scores(counts)
    assert shares @ location == pytest.approx(0, abs=1e-9)
    assert shares @ scale == pytest.approx(0, abs=1e-6)
    assert shares @ (location * scale) == pytest.approx(0, abs=1e-5)
    for score in (location, scale):
        assert shares @ score**2 == pytest.approx(float(bool(score.any())), abs=1e-9)


@given(COUNTS)
def test_a_mirrored_feature_has_mirrored_scores(counts: list[int]) -> None:
    location, scale = neyman_scores(counts)
    mirrored_location, mirrored_scale = neyman_scores(counts[::-1])
    assert mirrored_location[::-1] == pytest.approx(-location, abs=1e-6)
    assert mirrored_scale[::-1] == pytest.approx(scale, abs=1e-5)


def test_middle_ranks_by_hand() -> None:
    assert middle_ranks([1, 2, 1]) == pytest.approx([0.125, 0.5, 0.875])


def test_two_equal_bins_have_location_but_no_scale() -> None:
    assert neyman_scores([5, 5]) == pytest.approx(np.array([[-1, 1], [0, 0]]))


def test_many_bins_approach_legendre_polynomials() -> None:
    location, scale = neyman_scores([1] * 1_000)
    rank = (np.arange(1_000) + 0.5) / 1_000
    assert location == pytest.approx(np.sqrt(12) * (rank - 0.5), abs=1e-3)
    assert scale == pytest.approx(np.sqrt(5) * (6 * rank**2 - 6 * rank + 1), abs=1e-3)


def test_a_constant_or_empty_feature_has_no_scores() -> None:
    assert not neyman_scores([0, 9, 0]).any()
    assert not neyman_scores([0, 0]).any()
    with pytest.raises(ValueError, match="no rows"):
        middle_ranks([0, 0])
