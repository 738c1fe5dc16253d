"""Figures are exact, and what is left is rounded down."""

import pytest

from flyball.cli.figures import decimal, left, moment, percent, points


@pytest.mark.parametrize(
    ("millionths", "text"), [(0, "0"), (50_000, "0.05"), (1, "0.000001"), (-1_500_000, "-1.5"), (12_000_000, "12")]
)
def test_millionths_are_shown_exactly(millionths: int, text: str) -> None:
    assert decimal(millionths) == text


@pytest.mark.parametrize(("ppm", "text"), [(950_000, "95 %"), (999_500, "99.95 %"), (999_999, "99.9999 %")])
def test_targets_are_shown_exactly(ppm: int, text: str) -> None:
    assert percent(ppm) == text


@pytest.mark.parametrize(
    ("zone", "ppm", "text"),
    [
        ("green", 998_000, "99.8 %"),
        ("green", 999_999, "99.9 %"),
        ("green", 1_000_000, "100.0 %"),
        ("red", 999, "0.0 %"),
        ("red", 0, "0.0 %"),
        ("red", -1, "-0.1 %"),
        ("red", -160_000, "-16.0 %"),
        ("no_data", None, "no data"),
        ("no_data", 0, "no data"),
        ("no_data", 1_000_000, "no data"),
        ("insufficient_data", 1_000_000, "insufficient data"),
        ("green", None, "no data"),
    ],
)
def test_what_is_left_is_rounded_down_and_no_data_is_no_figure(zone: str, ppm: int | None, text: str) -> None:
    assert left({"zone": zone, "remaining_ppm": ppm}) == text


def test_points_have_their_unit() -> None:
    assert points("accuracy", 1_000_000) == "1 event"
    assert points("accuracy", 50_000) == "0.05 events"
    assert points("availability", 2_592_000_000) == "2592 s"


def test_times_are_utc_to_the_second() -> None:
    assert moment("2026-11-21T10:30:00.9+01:00") == "2026-11-21 09:30:00Z"
    assert moment(None) == ""
