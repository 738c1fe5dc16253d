"""What the service needs from outside its domain."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from budget_ledger.domain.batch import Needs, SystemKey
from budget_ledger.domain.budget import Book
from budget_ledger.domain.entries import BudgetId, Entry
from flyball.schemas.registry import SystemRegistered, SystemRevision


class Ledger(Protocol):
    """The ledger within one transaction."""

    async def register(self, event: SystemRegistered) -> None:
        """Keep the revisions of a system's spec."""
        ...

    async def revisions(self, systems: Collection[SystemKey]) -> Mapping[SystemKey, Sequence[SystemRevision]]:
        """Revisions by system, oldest first; systems without any are left out."""
        ...

    async def lock_books(self, needs: Needs) -> Mapping[BudgetId, Book]:
        """The books of every dimension of the systems needed, new ones included, locked in the order of their ids."""
        ...

    async def save(
        self, before: Mapping[BudgetId, Book], after: Mapping[BudgetId, Book], entries: Sequence[Entry]
    ) -> None:
        """Append the entries and store what changed in the books."""
        ...
