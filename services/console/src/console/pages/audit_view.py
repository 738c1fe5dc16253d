"""Recorded decisions, as a list and as one of them. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from console.pages.fleet_view import Items

FIELDS: Final = ("system", "service", "kind", "actor")
SEARCHED: Final = ("subject", "decision", "reason", *FIELDS)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody looks for; empty texts look for everything."""

    system: str = ""
    service: str = ""
    kind: str = ""
    actor: str = ""
    text: str = ""

    @property
    def anything(self) -> bool:
        return not any((self.system, self.service, self.kind, self.actor, self.text))

    def fits(self, record: Mapping[str, Any]) -> bool:
        """Fields as a whole, the text anywhere; case does not matter."""
        named = all(
            not getattr(self, name) or record[name].casefold() == getattr(self, name).casefold() for name in FIELDS
        )
        return named and (not self.text or any(self.text.casefold() in record[name].casefold() for name in SEARCHED))


@dataclass(frozen=True, slots=True)
class Choices:
    """What there is to choose from in the records that were looked at."""

    system: Sequence[str]
    service: Sequence[str]
    kind: Sequence[str]
    actor: Sequence[str]


def choices(records: Items) -> Choices:
    return Choices(*(sorted({record[name] for record in records}) for name in FIELDS))
