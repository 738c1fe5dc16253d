"""What the service needs from outside its domain."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from autonomy_controller.domain.sampling import Salt
from autonomy_controller.domain.state import Action, ClassState, Review, Standing
from flyball.schemas.base import Event, Text, UtcTime
from flyball.schemas.registry import SystemRegistered, SystemRevision

SystemKey = tuple[str, str]
"""Tenant and system."""
ClassesBySystem = Mapping[SystemKey, Mapping[str, ClassState]]


class Promotion(Event):
    """A proposed step up and who has signed it."""

    promotion_id: Text
    tenant: Text
    system: Text
    action_class: Text
    evidence_epoch: Text
    from_level: int
    proposed_by: Text
    signed_by: tuple[Text, ...] = ()
    done: bool = False
    proposed_at: UtcTime


class Memory(Protocol):
    """The controller's state within one transaction. What is read with ``lock`` nobody else changes until its end.

    Always in this order: classes, actions, reviews; so no two transactions wait for one another.
    """

    async def salt(self) -> Salt:
        """The key of the audit sample, made at random once."""
        ...

    async def register(self, event: SystemRegistered, next_at: datetime | None) -> None:
        """Keep the revisions, and when the next of them takes effect."""
        ...

    async def systems_due(self, now: datetime, rows_max: int) -> Sequence[SystemKey]:
        """Those of which a revision takes effect, locked."""
        ...

    async def note_revision(self, key: SystemKey, next_at: datetime | None) -> None: ...

    async def revisions(self, key: SystemKey) -> Sequence[SystemRevision]: ...

    async def classes(self, systems: Collection[SystemKey], *, change: bool = False) -> ClassesBySystem:
        """Classes by system and name, held against changes; ``change``: to change them here. Unknown systems: empty."""
        ...

    async def save_classes(self, states: Sequence[ClassState]) -> None: ...

    async def standings(self, systems: Collection[SystemKey], *, change: bool = False) -> Mapping[SystemKey, Standing]:
        """Of every system asked for; empty ones for those of which nothing was said."""
        ...

    async def save_standing(self, standing: Standing) -> None: ...

    async def actions(self, ids: Collection[str]) -> dict[str, Action]:
        """Locked, in the order of ids."""
        ...

    async def peek(self, action_id: str) -> Action | None:
        """Not locked: to know which classes to lock first."""
        ...

    async def action_of_review(self, review_id: str) -> Action | None:
        """Locked."""
        ...

    async def add_actions(self, actions: Sequence[Action]) -> set[str]:
        """Add new ones; the ids of those that were not there before. Waits for others who add the same ids now."""
        ...

    async def save_actions(self, actions: Sequence[Action]) -> None: ...

    async def open_actions(self, key: SystemKey, action_class: str | None) -> Sequence[Action]:
        """Those that wait for a person or for their start, locked."""
        ...

    async def decisions(
        self, key: SystemKey, action_class: str, epoch: str, since: datetime
    ) -> Sequence[tuple[datetime, bool]]:
        """When each was made, and whether the next level would have asked a person."""
        ...

    async def outcomes(
        self, key: SystemKey, action_class: str, epoch: str, since: datetime
    ) -> Mapping[str, tuple[int, int]]:
        """Errors and judged, by ``approval`` or the rule of the audit sample; an error is what was not approved."""
        ...

    async def reviews(self, ids: Collection[str]) -> dict[str, Review]:
        """Locked, in the order of ids."""
        ...

    async def save_reviews(self, reviews: Sequence[Review]) -> None: ...

    async def verdicts_since(self, reviewer: str, since: datetime) -> int: ...

    async def promotion(self, promotion_id: str) -> Promotion | None: ...

    async def save_promotion(self, promotion: Promotion) -> None: ...

    async def tick(self, now: datetime) -> datetime:
        """Move this service's clock to ``now``, or leave it where it is if it is ahead; held until the end."""
        ...

    async def beat(self, now: datetime, seconds_min: float) -> bool:
        """Is a heartbeat due? If so the next one is due ``seconds_min`` later."""
        ...

    async def due(self, now: datetime, rows_max: int) -> tuple[Sequence[str], Sequence[tuple[str, str]]]:
        """Ids of overdue actions, and (action id, review id) of reviews that time has come for."""
        ...
