"""A budget over its window: what was left after each span, beside one that is spent evenly. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any, Final

WIDTH: Final = 720
HEIGHT: Final = 240
LEFT: Final = 46
TOP: Final = 18
BOTTOM: Final = 26
TICKS: Final = 5
MARKERS_MAX: Final = 12
LOWEST_PERCENT: Final = -300.0
"""Deeper in debt than this looks the same; the table has the figure."""


@dataclass(frozen=True, slots=True)
class Marker:
    """Something that happened to the system, at a time."""

    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Point:
    """Percent of the window's whole budget that was left after the span that began at ``at``."""

    at: datetime
    left: float
    even: float


@dataclass(frozen=True, slots=True)
class BurnDown:
    """A chart: as a drawing, as data for a script, and as a table."""

    points: Sequence[Point]
    markers: Sequence[Marker]
    lowest: float

    @property
    def data(self) -> str:
        """JSON, times in seconds since 1970."""
        shown = {
            "at": [int(point.at.timestamp()) for point in self.points],
            "left": [point.left for point in self.points],
            "even": [point.even for point in self.points],
            "markers": [{"at": int(mark.at.timestamp()), "text": mark.text} for mark in self.markers],
            "lowest": self.lowest,
        }
        return json.dumps(shown)

    def x(self, at: datetime) -> float:
        first, last = self.points[0].at, self.points[-1].at
        return round(LEFT + (at - first) / max(last - first, timedelta(seconds=1)) * (WIDTH - LEFT), 1)

    def y(self, percent: float) -> float:
        share = (100 - max(percent, self.lowest)) / (100 - self.lowest)
        return round(TOP + share * (HEIGHT - TOP - BOTTOM), 1)

    def line(self, name: str) -> str:
        """The points of a polyline."""
        return " ".join(f"{self.x(point.at)},{self.y(getattr(point, name))}" for point in self.points)

    @property
    def ticks(self) -> Sequence[datetime]:
        first, last = self.points[0].at, self.points[-1].at
        return [first + (last - first) * n / (TICKS - 1) for n in range(TICKS)]

    @property
    def levels(self) -> Sequence[int]:
        step = 25 if self.lowest >= 0 else 50 if self.lowest >= -100 else 100  # noqa: PLR2004
        return range(int(self.lowest), 101, step)

    @property
    def tick_format(self) -> str:
        days = (self.points[-1].at - self.points[0].at) / timedelta(days=1)
        return "%d %b" if days > 2 else "%H:%M"  # noqa: PLR2004


def burn_down(
    spans: Sequence[Mapping[str, Any]], statement: Mapping[str, Any], markers: Sequence[Marker]
) -> BurnDown | None:
    """From spans as budget-ledger tells them, oldest first. None while there is too little to draw."""
    total = statement["granted"]
    if len(spans) < 2 or total <= 0:  # noqa: PLR2004
        return None
    burned = list(accumulate(span["burned"] for span in spans))
    granted = list(accumulate(span["granted"] for span in spans))
    if not granted[-1]:
        # A budget of time was granted as a whole, so spending it evenly means by the clock.
        granted = list(range(1, len(spans) + 1))
    points = [
        Point(
            datetime.fromisoformat(span["at"]), round(100 - 100 * b / total, 2), round(100 - 100 * g / granted[-1], 2)
        )
        for span, b, g in zip(spans, burned, granted, strict=True)
    ]
    least = min(point.left for point in points)
    lowest = 0.0 if least >= 0 else max(LOWEST_PERCENT, -50.0 * -(int(least) // 50))
    first, last = points[0].at, points[-1].at
    # A point stands at the beginning of its span, so what happened in the last span is marked at its point.
    inside = [Marker(min(mark.at, last), mark.text) for mark in markers if first <= mark.at]
    return BurnDown(points, sorted(inside, key=lambda mark: mark.at)[-MARKERS_MAX:], lowest)
