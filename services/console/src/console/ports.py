"""What the service needs from outside its domain."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from flyball.schemas.budgets import BudgetStates
from flyball.schemas.drift import DriftReference, DriftReport
from flyball.schemas.registry import SystemRevision
from flyball.schemas.rejected import TelemetryRejected


class Systems(Protocol):
    """Revisions of declared systems, within a transaction."""

    async def lock(self, tenant: str, system: str) -> Sequence[SystemRevision]:
        """The revisions so far, oldest first; nobody else appends any until the transaction ends."""
        ...

    async def save(self, tenant: str, system: str, revisions: Sequence[SystemRevision]) -> None:
        """Keep these revisions and no older ones."""
        ...


class Rejections(Protocol):
    """The newest rejected records of each system, within a transaction."""

    async def add(self, items: Sequence[tuple[UUID, TelemetryRejected]]) -> None: ...


class LiveBudgets(Protocol):
    """The newest budget states of each system, within a transaction."""

    async def put(self, states: Sequence[BudgetStates]) -> None:
        """Replace what is known; a later element replaces an earlier one of the same system."""
        ...


class Drift(Protocol):
    """The newest references and reports of drift, within a transaction."""

    async def put_references(self, references: Sequence[DriftReference]) -> None: ...

    async def add_reports(self, reports: Sequence[tuple[UUID, DriftReport]]) -> None:
        """A report that is there is not added again."""
        ...


class Changes(Protocol):
    """Which parts of the pages have changed, within a transaction."""

    async def note(self, fragment: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Replayed:
    """Who published a rejected record again, when, and as which event."""

    system: str
    source: str
    event_id: str
    changed: bool
    actor: str
    replayed_at: datetime


class Replays(Protocol):
    """Which rejected records were replayed, within a transaction."""

    async def of(self, rejected: UUID) -> Replayed | None: ...

    async def add(self, rejected: UUID, tenant: str, done: Replayed) -> Replayed | None:
        """Note that it is replayed; what is known already if somebody else was first, who is waited for."""
        ...
