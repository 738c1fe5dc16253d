"""notifier's ports on the simulated Postgres: the board under its lock, and intents that are leased to one sender."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from flyball.sim.session import Session
from flyball.sim.transaction import MemoryTransaction, insert
from notifier.domain.board import Board, Delivery
from notifier.domain.facts import Outcome
from notifier.domain.inputs import DeliveryKey, Input
from notifier.domain.linked import Change
from notifier.domain.notice import Notice
from notifier.ports import Claimed

LEASE = timedelta(seconds=30)
AT_ONCE_MAX = 4


@dataclass(frozen=True, slots=True)
class Row:
    """An intent as it is stored: what was decided, and the sender's own columns."""

    number: int
    tenant: str
    delivery: Delivery
    claims: int = 0
    leased_to: datetime | None = None

    def leased(self, now: datetime) -> bool:
        return self.leased_to is not None and self.leased_to > now


def copied(board: Board) -> Board:
    """Its parts are immutable; the tables they are in are not."""
    return Board(
        board.tenant,
        sequence=board.sequence,
        now=board.now,
        new_groups=board.new_groups,
        storm_key=board.storm_key,
        failing=dict(board.failing),
        alerts=dict(board.alerts),
        groups=dict(board.groups),
        silences=dict(board.silences),
        incidents=dict(board.incidents),
        deliveries=dict(board.deliveries),
    )


@dataclass(frozen=True, slots=True)
class MemoryBoards:
    transaction: MemoryTransaction

    async def load(self, tenant: str, incidents: Collection[str]) -> Board:
        del incidents  # All are here; Postgres leaves those asleep that nobody speaks of.

        async def effect(session: Session) -> Board:
            await session.lock("boards", tenant)
            return copied(session.read("boards", tenant) or Board(tenant))

        return await self.transaction.statement(f"load the board of {tenant}", effect)

    async def save(self, board: Board, inputs: Sequence[Input], outcome: Outcome) -> None:
        del outcome  # Timeline and children are what was said, and are not read here.

        async def effect(session: Session) -> None:
            first = board.sequence - len(inputs) + 1
            for number, given in enumerate(inputs, first):
                await insert(session, "inputs", (board.tenant, number), given)
            for delivery in board.deliveries.values():
                await _put(session, board.tenant, delivery)
            session.write("boards", board.tenant, copied(board))

        await self.transaction.statement(f"save the board of {board.tenant}", effect)


async def _put(session: Session, tenant: str, delivery: Delivery) -> None:
    """The columns of the decision alone; those of the sender stay."""
    known: Row | None = session.read("deliveries", delivery.key)
    if known is not None and known.delivery == delivery:
        return
    await session.lock("deliveries", delivery.key)
    known = session.read("deliveries", delivery.key)
    number = session.database.next_outbox_id() if known is None else known.number
    row = Row(number, tenant, delivery) if known is None else replace(known, delivery=delivery)
    session.write("deliveries", delivery.key, row)


@dataclass(frozen=True, slots=True)
class MemoryChanges:
    transaction: MemoryTransaction

    async def add(self, changes: Sequence[Change]) -> None:
        for change in changes:
            await self.transaction.put("changes", change.id, change)


@dataclass(frozen=True, slots=True)
class MemoryIntents:
    transaction: MemoryTransaction

    async def claim(self, now: datetime, rows_max: int, *, old_too: bool) -> Sequence[Claimed]:
        del old_too

        async def effect(session: Session) -> Sequence[Claimed]:
            rows = sorted(session.table("deliveries").values(), key=_urgency)
            mine = [row for row in rows if _ready(row, now) and not _behind(row, rows, now)]
            at_once: dict[tuple[str, str], int] = {}
            found: list[Claimed] = []
            for row in mine:
                contact = row.delivery.key.channel, row.delivery.key.target
                busy = at_once.get(contact, 0)
                # Whoever holds it now is deciding or sending it: as SKIP LOCKED, it is not waited for.
                if len(found) < rows_max and busy < AT_ONCE_MAX and _held(session, row):
                    at_once[contact] = busy + 1
                    claimed = replace(row, claims=row.claims + 1, leased_to=now + LEASE)
                    session.write("deliveries", row.delivery.key, claimed)
                    found.append(_claimed(session, claimed))
            return found

        return await self.transaction.statement("claim intents", effect)

    async def overflow(self, now: datetime) -> Mapping[str, Sequence[Sequence[DeliveryKey]]]:
        """Nobody gets more here than they may."""
        return {}

    async def notice(self, claimed: Claimed) -> Notice:
        key, incident = claimed.delivery.key, claimed.incident
        return Notice(claimed.tenant, incident, key.epoch, key.action, key.target, claimed.delivery.decided_at, (), 0)

    async def release(self, claimed: Claimed) -> None:
        key = claimed.delivery.key

        async def effect(session: Session) -> None:
            await session.lock("deliveries", key)
            row: Row = session.read("deliveries", key)
            if row.claims == claimed.claim:
                session.write("deliveries", key, replace(row, leased_to=None))

        await self.transaction.statement("release an intent", effect)


def _held(session: Session, row: Row) -> bool:
    """Its lock, if nobody else has it, and it is still what it was."""
    key = row.delivery.key
    return session.database.locks.try_acquire(session, ("deliveries", key)) and session.read("deliveries", key) == row


def _urgency(row: Row) -> tuple[bool, int, int]:
    return row.delivery.key.action == "trigger", row.delivery.severity, row.number


def _ready(row: Row, now: datetime) -> bool:
    return row.delivery.state == "open" and row.delivery.not_before <= now and not row.leased(now)


def _behind(row: Row, rows: Sequence[Row], now: datetime) -> bool:
    """An earlier message of the same step to the same contact must be over first."""
    same = (other for other in rows if other.number < row.number and _thread(other) == _thread(row))
    return any(other.delivery.state == "open" or other.leased(now) for other in same)


def _thread(row: Row) -> tuple[Any, ...]:
    key = row.delivery.key
    return row.tenant, key.incident, key.epoch, key.step, key.channel, key.target


def _claimed(session: Session, row: Row) -> Claimed:
    key = row.delivery.key
    board: Board = session.read("boards", row.tenant)
    trigger: Row | None = session.read("deliveries", replace(key, action="trigger"))
    return Claimed(
        row.tenant, row.delivery, board.incidents[key.incident], row.claims, trigger.claims if trigger else 0
    )
