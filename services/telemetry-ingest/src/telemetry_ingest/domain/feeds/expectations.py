"""What a system's spec expects of fields and features, and how often it was broken of late."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from msgspec import Struct

from flyball.schemas.plain import (
    ActionEnded,
    EvaluationRecorded,
    FeedbackGiven,
    GuardrailChecked,
    InteractionCompleted,
    MetricSampled,
    OutcomeObserved,
    PredictionMade,
    ReleaseDeployed,
)
from flyball.schemas.telemetry import Expectation, TelemetryPolicy
from telemetry_ingest.domain.marks import Checked

MODELS: Sequence[type[Struct]] = (
    InteractionCompleted,
    EvaluationRecorded,
    GuardrailChecked,
    PredictionMade,
    ReleaseDeployed,
    OutcomeObserved,
    FeedbackGiven,
    ActionEnded,
    MetricSampled,
)
TABLES = ("features", "segment", "probabilities")
SLOTS = 30
"""A window moves by a thirtieth of its length."""
MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Expected:
    """One expectation, for one kind of event. ``read`` gives the value, None where there is none."""

    name: str
    read: Callable[[Any], Any]
    expectation: Expectation

    def check(self, data: Struct) -> Checked:
        value = self.read(data)
        if value is None:
            return Checked(self.name, True, self.expectation.required)
        return Checked(self.name, False, not holds(value, self.expectation))


def compiled(policy: TelemetryPolicy) -> Mapping[type[Struct], tuple[Expected, ...]]:
    """The expectations by the kind of event that could have the field."""
    found: dict[type[Struct], tuple[Expected, ...]] = {}
    for model in MODELS:
        known = [
            Expected(name, read, expectation)
            for name, expectation in sorted(policy.expectations.items())
            if (read := _reader(model, name)) is not None
        ]
        if known:
            found[model] = tuple(known)
    return found


def holds(value: object, expected: Expectation) -> bool:
    """Is a value that is there what it should be? A range is of numbers, a set of texts."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not _is_of(value, expected.type, number=number):
        return False
    if expected.allowed and value not in expected.allowed:
        return False
    if expected.minimum is None and expected.maximum is None:
        return True
    if not number:
        return False
    low, high = expected.minimum, expected.maximum
    return (low is None or value >= low) and (high is None or value <= high)  # type: ignore[operator]


def _is_of(value: object, kind: str | None, *, number: bool) -> bool:
    if kind is None:
        return True
    if kind == "integer":
        # JSON has one kind of number, and features are all read as fractions.
        return number and float(value).is_integer()  # type: ignore[arg-type]
    return {"number": number, "text": isinstance(value, str), "boolean": isinstance(value, bool)}[kind]


def _reader(model: type[Struct], name: str) -> Callable[[Any], Any] | None:
    if name in model.__struct_fields__ and name not in TABLES:
        return attrgetter(name)
    table, dot, key = name.partition(".")
    if not dot or table not in TABLES or table not in model.__struct_fields__:
        return None
    read = attrgetter(table)
    return lambda data: (read(data) or {}).get(key)


class Window:
    """Rows, nulls and broken ones of one field over the last while of append time, in slots."""

    def __init__(self, slot_seconds: int, slots: Iterable[Sequence[int]] = ()) -> None:
        self.slot_seconds = slot_seconds
        self.slots = [list(slot) for slot in slots]
        """[slot number, rows, nulls, broken], the oldest first"""
        self.rows, self.nulls, self.broken = (sum(slot[place] for slot in self.slots) for place in (1, 2, 3))

    def add(self, at_seconds: int, checked: Checked) -> None:
        number = at_seconds // self.slot_seconds
        if not self.slots or self.slots[-1][0] < number:
            self._begin(number)
        # Append times of one partition hardly ever go back, and never for long: a new leader's clock.
        newest = self.slots[-1]
        newest[1] += 1
        newest[2] += checked.is_null
        newest[3] += checked.is_broken
        self.rows += 1
        self.nulls += checked.is_null
        self.broken += checked.is_broken

    def _begin(self, number: int) -> None:
        while self.slots and self.slots[0][0] <= number - SLOTS:
            _, rows, nulls, broken = self.slots.pop(0)
            self.rows, self.nulls, self.broken = self.rows - rows, self.nulls - nulls, self.broken - broken
        self.slots.append([number, 0, 0, 0])


def slot_seconds(window_seconds: int) -> int:
    return max(1, window_seconds // SLOTS)


@dataclass(frozen=True, slots=True)
class Breach:
    """A rate that passed its limit."""

    field: str
    what: str
    """``broken`` or ``null``"""
    count: int
    rows: int
    limit_ppm: int

    @property
    def observed_ppm(self) -> int:
        return self.count * MILLION // self.rows


def breach(name: str, window: Window, expected: Expectation, rows_min: int) -> Breach | None:
    """The first limit that the window's rates pass, if it has rows enough to say anything."""
    rows = window.rows
    if rows < rows_min:
        return None
    if window.broken * MILLION > expected.broken_ppm_max * rows:
        return Breach(name, "broken", window.broken, rows, expected.broken_ppm_max)
    if window.nulls * MILLION > expected.null_ppm_max * rows:
        return Breach(name, "null", window.nulls, rows, expected.null_ppm_max)
    return None
