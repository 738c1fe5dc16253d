"""Features by time, coloured by severity. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from console.adapters.drift import Mark

SLICES: Final = 24
FEATURES_MAX: Final = 200
SPANS: Final = {
    "1h": timedelta(hours=1),
    "6h": timedelta(hours=6),
    "1d": timedelta(days=1),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}
RANKS: Final = {"none": 0, "low": 1, "medium": 2, "high": 3, "critical": 4}
TONES: Final = {"none": "good", "low": "none", "medium": "warn", "high": "bad", "critical": "bad"}
SHAPES: Final = {"none": "circle", "low": "half", "medium": "triangle", "high": "square", "critical": "square"}


@dataclass(frozen=True, slots=True)
class Cell:
    """The worst severity of a slice of time; None before the first report."""

    start: datetime
    severity: str | None

    @property
    def letter(self) -> str:
        """So that no state is told by colour alone."""
        return "" if self.severity is None else "\u00b7" if self.severity == "none" else self.severity[0].upper()


@dataclass(frozen=True, slots=True)
class FeatureRow:
    system: str
    feature: str
    severity: str
    state: str
    cells: Sequence[Cell]

    @property
    def tone(self) -> str:
        return TONES.get(self.severity, "none")

    @property
    def shape(self) -> str:
        return SHAPES.get(self.severity, "ring")

    @property
    def order(self) -> tuple[int, str, str]:
        return -RANKS.get(self.severity, 0), self.system, self.feature


@dataclass(frozen=True, slots=True)
class HeatMap:
    """``hidden``: so many features are not shown, none of them worse than those that are."""

    rows: Sequence[FeatureRow]
    starts: Sequence[datetime]
    span: str
    hidden: int


def heat_map(marks: Iterable[Mark], span: str, now: datetime) -> HeatMap:
    """Worst first. A state holds until the next report, for reports come only when there is news."""
    by_feature: dict[tuple[str, str], list[Mark]] = {}
    for mark in marks:
        by_feature.setdefault((mark.system, mark.feature), []).append(mark)
    chosen = span if span in SPANS else _fitting(by_feature.values(), now)
    width = SPANS[chosen] / SLICES
    starts = [now - SPANS[chosen] + width * n for n in range(SLICES)]
    rows = sorted((_row(found, starts, width) for found in by_feature.values()), key=lambda row: row.order)
    return HeatMap(rows[:FEATURES_MAX], starts, chosen, max(0, len(rows) - FEATURES_MAX))


def _row(marks: Sequence[Mark], starts: Sequence[datetime], width: timedelta) -> FeatureRow:
    ordered = sorted(marks, key=lambda mark: mark.pane_start)
    cells: list[Cell] = []
    held: str | None = None
    place = 0
    for start in starts:
        worst = held
        while place < len(ordered) and ordered[place].pane_start < start + width:
            held = ordered[place].severity
            recent = ordered[place].pane_start >= start
            worst = _worse(worst, held) if recent else held
            place += 1
        cells.append(Cell(start, worst))
    newest = marks[0]
    return FeatureRow(newest.system, newest.feature, newest.severity, newest.state, cells)


def _worse(one: str | None, other: str) -> str:
    return other if one is None or RANKS.get(other, 0) > RANKS.get(one, 0) else one


def _fitting(groups: Iterable[Sequence[Mark]], now: datetime) -> str:
    """The shortest span that has all there is."""
    oldest = min((mark.pane_start for marks in groups for mark in marks), default=now)
    return next((name for name, length in SPANS.items() if now - oldest <= length), "30d")
