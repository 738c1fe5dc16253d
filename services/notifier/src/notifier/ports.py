"""What the service needs from outside its domain."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from notifier.domain.board import Board, Delivery, Incident
from notifier.domain.facts import Outcome
from notifier.domain.inputs import Answer, DeliveryKey, Input
from notifier.domain.linked import Change
from notifier.domain.notice import Notice


class Boards(Protocol):
    """The boards within one transaction."""

    async def load(self, tenant: str, incidents: Collection[str]) -> Board:
        """A tenant's board, locked until the transaction ends, with these incidents even if they are over."""
        ...

    async def save(self, board: Board, inputs: Sequence[Input], outcome: Outcome) -> None:
        """Store what changed since it was loaded, the inputs that did it, and what they said."""
        ...


class Changes(Protocol):
    """What other services decided, within one transaction."""

    async def add(self, changes: Sequence[Change]) -> None:
        """Keep them, each once, and forget what is too old. There is one at least."""
        ...


@dataclass(frozen=True, slots=True)
class Claimed:
    """An intent that nobody else will send for a while."""

    tenant: str
    delivery: Delivery
    incident: Incident
    claim: int
    """How often it was claimed, this time included."""
    trigger_claims: int
    """How often its trigger was claimed: 0 means that there is nothing to follow up on."""


class Intents(Protocol):
    """Intents that wait to be sent, within one transaction."""

    async def claim(self, now: datetime, rows_max: int, *, old_too: bool) -> Sequence[Claimed]:
        """Intents to send now: follow-ups first, then the worst first, as many as each contact can take.

        Without ``old_too`` those that were decided upon a while ago wait.
        """
        ...

    async def overflow(self, now: datetime) -> Mapping[str, Sequence[Sequence[DeliveryKey]]]:
        """By tenant, what waits together for one contact that has more than it may get, and is not urgent."""
        ...

    async def notice(self, claimed: Claimed) -> Notice:
        """What to say."""
        ...

    async def release(self, claimed: Claimed) -> None:
        """It was answered; unless somebody else has claimed it since."""
        ...


@dataclass(frozen=True, slots=True)
class Sent:
    """What a provider answered."""

    answer: Answer
    detail: str
    retry_after_seconds: float | None = None


class Channel(Protocol):
    """A way to tell people. It tries once, within a bound, and never raises for what the other side does."""

    async def send(self, notice: Notice, address: str) -> Sent: ...
