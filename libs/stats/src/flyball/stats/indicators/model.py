"""What an indicator is: a figure that never stands alone."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

ROWS_MIN: Final = 30
"""Below this a proportion or a mean is too little to judge; budgets wait for as many."""


class Absent(StrEnum):
    """Why there is no figure. None of these is 0 or 1, or can be mistaken for it."""

    NO_DATA = "no data"
    TOO_LITTLE_DATA = "too little data"
    UNKNOWN = "unknown"
    """There are data, but not what they would have to be held against: a capacity, a price, the positive class."""


class Direction(StrEnum):
    HIGHER = "higher is better"
    LOWER = "lower is better"
    NEITHER = "neither"


class Standing(StrEnum):
    """Where a figure stands. What has no target is only told."""

    ON_TARGET = "on target"
    OFF_TARGET = "off target"
    ALERT = "alert"
    NO_TARGET = "no target"


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """One row of the table. ``target`` and ``alert`` are in ``unit``; ``1`` is the unit of fractions."""

    name: str
    layer: str
    unit: str
    direction: Direction
    target: float | None = None
    alert: float | None = None
    """Worse than this is an alert."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A figure in the unit of its definition, the ends of its 95 % interval, and on how many events it rests.

    An end is None where the data do not bound it. ``coverage`` is the part of the interactions that were looked at,
    None where all were or nobody knows. ``significant`` is set for gaps: no chance made it, at 5 % doubt.
    """

    value: float | Absent
    lower: float | None = None
    upper: float | None = None
    count: int = 0
    coverage: float | None = None
    significant: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Indicator:
    definition: Definition
    estimate: Estimate

    @property
    def standing(self) -> Standing | Absent:
        """Where the value stands; a gap that chance may have made is on target whatever its size."""
        value, defined = self.estimate.value, self.definition
        if isinstance(value, Absent):
            return value
        if self.estimate.significant is not None:
            return Standing.ALERT if self.estimate.significant else Standing.ON_TARGET
        if defined.direction is Direction.NEITHER or (defined.target is None and defined.alert is None):
            return Standing.NO_TARGET
        if _worse(value, defined.alert, defined.direction):
            return Standing.ALERT
        return Standing.OFF_TARGET if _worse(value, defined.target, defined.direction) else Standing.ON_TARGET


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What summaries do not say: settings of the system."""

    capacity_per_second: float | None = None
    """Interactions per second that it was built for."""
    positive_class: str | None = None
    """The class that precision, recall, the curve and fairness are about; without it they are of all classes."""
    fairness_label: str | None = None
    """The label whose values are compared, for example ``market``; without it whole segments are."""


def absent(count: int, rows_min: int = ROWS_MIN) -> Estimate | None:
    """The estimate of ``count`` events where these are none or too few; None where they are enough."""
    if count >= rows_min:
        return None
    return Estimate(value=Absent.TOO_LITTLE_DATA if count else Absent.NO_DATA, count=count)


def _worse(value: float, limit: float | None, direction: Direction) -> bool:
    if limit is None:
        return False
    return value < limit if direction is Direction.HIGHER else value > limit
