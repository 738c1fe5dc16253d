"""What the service needs from outside its domain."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from drift_detector.domain.decide import Known
from drift_detector.domain.learn import Kept
from drift_detector.domain.state import DetectorState, Pane
from flyball.schemas.drift import DriftReference, DriftReport
from flyball.schemas.registry import SystemRegistered, SystemRevision

SystemKey = tuple[str, str]
"""Tenant and system."""


@dataclass(frozen=True, slots=True)
class Tracked:
    """A system as it is stored. ``recent``: its last panes, the newest last."""

    state: DetectorState = field(default_factory=DetectorState)
    recent: tuple[Pane, ...] = ()
    known: Known = field(default_factory=Known)
    revisions: Sequence[SystemRevision] = ()


class Systems(Protocol):
    """Systems, references and panes within one transaction."""

    async def register(self, event: SystemRegistered) -> None:
        """Keep the revisions of a system's spec."""
        ...

    async def keep_reference(self, reference: DriftReference) -> None:
        """Keep one version; the first of a number stays."""
        ...

    async def lock(self, systems: Collection[SystemKey]) -> Mapping[SystemKey, Tracked]:
        """Everything about these systems, new ones included, locked in the order of their names."""
        ...

    async def keep_rows(self, system: SystemKey, kept: Kept) -> None:
        """Remember rows for the next reference."""
        ...

    async def forget_rows(self, system: SystemKey, before_version: int) -> None:
        """Rows kept for versions before this one: they have become a reference, or none is wanted of them."""
        ...

    async def first_rows(self, system: SystemKey, version: int) -> Sequence[Kept]:
        """Rows kept since ``version`` said to learn, in their order."""
        ...

    async def save(self, system: SystemKey, before: Tracked, after: Tracked, judged: Sequence[Pane]) -> None:
        """Store the state and the panes that were judged since."""
        ...

    async def keep_reports(self, reports: Sequence[DriftReport]) -> None:
        """Keep what was told, the newest of each system."""
        ...
