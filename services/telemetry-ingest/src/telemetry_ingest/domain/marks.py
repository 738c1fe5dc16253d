"""What its feed says of an event beside what it says itself. Most events have no mark."""

from typing import NamedTuple


class Checked(NamedTuple):
    """How one field of one event fared against what is expected of it."""

    field: str
    is_null: bool
    is_broken: bool


class Mark(NamedTuple):
    is_suspect: bool = False
    """The feed is in quarantine."""
    other_labels: int = 0
    """Labels that count as ``other``."""
    checked: tuple[Checked, ...] = ()
