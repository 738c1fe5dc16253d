"""What the delivery code and the services ask of a store. Postgres and the simulation both keep these promises."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message that waits in the outbox to be published."""

    topic: str
    key: bytes
    headers: tuple[tuple[str, bytes], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class OutboxRow:
    id: int
    message: Outgoing


@dataclass(frozen=True, slots=True)
class Move:
    """One partition's position, from where a batch begins to its end."""

    partition: int
    from_offset: int
    next_offset: int


class Transaction(Protocol):
    """One transaction. Leaving its context commits; an exception, or a crash, rolls everything in it back."""

    async def advance(self, consumer: str, topic: str, moves: Sequence[Move]) -> set[int]:
        """Move each position that still stands at its ``from_offset``, and lock it until the end of the transaction.

        Returns the partitions that moved. Records of any other were dealt with already: its batch is a duplicate, or
        this process a zombie.
        """
        ...

    async def enqueue(self, messages: Sequence[Outgoing]) -> None:
        """Put messages into the outbox, in order."""
        ...

    async def unseen(self, consumer: str, ids: Sequence[UUID], recorded_at: datetime) -> set[UUID]:
        """Remember ``ids`` as seen by ``consumer``; return those that were not seen before."""
        ...

    async def claim_outbox(self, rows_max: int) -> Sequence[OutboxRow] | None:
        """The oldest rows, held against every other relay until the transaction ends. None if another holds them."""
        ...

    async def forget_outbox(self, rows: Sequence[OutboxRow]) -> None:
        """Remove rows that the broker has acknowledged."""
        ...


Tx = TypeVar("Tx", bound=Transaction)
Tx_co = TypeVar("Tx_co", bound=Transaction, covariant=True)


class Database(Protocol[Tx_co]):
    """Where one service keeps its state. Every method raises ``Transient`` while the server is away."""

    def transaction(self) -> AbstractAsyncContextManager[Tx_co]: ...

    async def positions(self, consumer: str, topic: str) -> Mapping[int, int]:
        """Next offset by partition. A partition without a position has never been read: it starts at 0."""
        ...

    async def outbox_age_seconds(self) -> float:
        """Age of the oldest unpublished row in seconds, 0 when there is none."""
        ...

    async def forget_seen(self, days: int) -> None:
        """Forget ids recorded more than ``days`` before the newest one."""
        ...
