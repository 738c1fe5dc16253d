"""The shell of replaying: the event, the line in the audit log and the note that it was done are one transaction."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic
from uuid import UUID, uuid5

from console.domain.replays import SERVICE, audit_record, replay_of
from console.ports import Replayed, Replays
from flyball.bus.messages import fact
from flyball.schemas.topics import AGENT_EVENTS, AUDIT_RECORDS
from flyball.store.ports import Outgoing, Tx

AUDIT_NAMESPACE = UUID("8c2f6f0e-5f6b-5d0a-9b39-2f3f0a1c7d55")


@dataclass(frozen=True, slots=True)
class Replayer(Generic[Tx]):
    replays: Callable[[Tx], Replays]

    async def replay(
        self, transaction: Tx, row: Mapping[str, Any], mended: bytes | None, actor: str, reason: str, now: datetime
    ) -> tuple[Replayed, bool]:
        """What was done of the record, and whether it was done just now: a record is replayed once.

        Raises ``Unreadable`` and ``ReplayError`` as ``replay_of`` does.
        """
        known = await self.replays(transaction).of(row["id"])
        if known is not None:
            return known, False
        replay = replay_of(row, mended)
        done = Replayed(
            system=replay.system,
            source=replay.source,
            event_id=replay.event_id,
            changed=replay.changed,
            actor=actor,
            replayed_at=now,
        )
        first = await self.replays(transaction).add(row["id"], replay.tenant, done)
        if first is not None:
            return first, False
        record = audit_record(replay, row, actor, reason, now)
        identity = uuid5(AUDIT_NAMESPACE, str(replay.rejected))
        await transaction.enqueue(
            [
                Outgoing(AGENT_EVENTS.name, replay.system.encode(), replay.headers, replay.body),
                fact(AUDIT_RECORDS, record, source=SERVICE, identity=identity, system=record.system, time=now),
            ]
        )
        return done, True
