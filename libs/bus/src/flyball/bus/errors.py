"""Three kinds of error, and what becomes of each.

* ``Poison``: this record can never be read. It is buried with its reason and the batch goes on.
* ``Transient``: something is away for now. The batch is tried again, within a bound.
* anything else is a bug: the process stops, loudly, and is restarted.
"""

from flyball.store.errors import Transient

__all__ = ["CircuitOpenError", "Poison", "Transient"]


class Poison(Exception):
    """A record that can never be read: ``reason`` is a constant, ``field`` a dotted path, ``detail`` for people."""

    def __init__(self, reason: str, field: str | None = None, detail: str = "") -> None:
        super().__init__(f"{reason}: {field or 'record'}: {detail}")
        self.reason = reason
        self.field = field
        self.detail = detail


class CircuitOpenError(Exception):
    """So many records would be buried that the reader, not the records, is likely at fault. The consumer stops."""
