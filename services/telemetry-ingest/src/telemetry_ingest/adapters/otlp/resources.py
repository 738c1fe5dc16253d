"""What a resource says of all its spans: the row that each of them starts with."""

from collections.abc import Callable
from typing import Final, Generic, NamedTuple, TypeVar

from telemetry_ingest.domain.otlp.rows import SLOT, UNRANKED, Row, Unusable, empty_row

REMEMBERED_MAX: Final = 1_024
_SERVICE: Final = SLOT["service_name"]


class Base(NamedTuple):
    """The row and ranks to copy; ``flaw`` says why no span of the resource can be read."""

    row: Row
    ranks: list[int]
    flaw: Unusable | None

    @property
    def service_name(self) -> str | None:
        name: str | None = self.row[_SERVICE]
        return name


def base_of(place: Callable[[Row, list[int]], None]) -> Base:
    """``place`` puts the resource's attributes into a row."""
    row, ranks = empty_row(), list(UNRANKED)
    try:
        place(row, ranks)
    except Unusable as error:
        return Base(row, ranks, Unusable(error.reason, f"resource.{error.field}", error.detail))
    return Base(row, ranks, None)


Key = TypeVar("Key")


class Bases(Generic[Key]):
    """The bases used last: a fleet has few resources and sends each with every message."""

    def __init__(self, make: Callable[[Key], Base]) -> None:
        self._make = make
        self._known: dict[Key, Base] = {}

    def of(self, resource: Key) -> Base:
        base = self._known.get(resource)
        if base is None:
            base = self._make(resource)
            if len(self._known) >= REMEMBERED_MAX:
                self._known.clear()
            self._known[resource] = base
        return base
