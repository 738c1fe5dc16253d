"""What people may ask for: the end of a quarantine. In one transaction with its record."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Generic

from pydantic import BaseModel, ConfigDict, Field

from flyball.schemas.base import DEFAULT_TENANT, Name
from flyball.store.ports import Database, Tx
from telemetry_ingest.domain.feeds.facts import moment_of, released, said_of
from telemetry_ingest.feed_messages import message_of
from telemetry_ingest.ports import Quarantines

Person = Annotated[str, Field(pattern=r"^user:[^\x00]{1,200}$")]
"""Whoever asks, as console knows them."""


class Release(BaseModel):
    """The feed is as it should be: what comes from now on can be trusted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tenant: Name = DEFAULT_TENANT
    system: Name
    actor: Person
    reason: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]


class Released(BaseModel):
    system: str
    was: str
    released_at: datetime
    feeds: int
    """On so many partitions it was in quarantine."""


class RefusedError(Exception):
    """What was asked for cannot be done as things stand."""


@dataclass(frozen=True, slots=True)
class Desk(Generic[Tx]):
    database: Database[Tx]
    quarantines: Callable[[Tx], Quarantines]
    clock: Callable[[], datetime]

    async def release(self, asked: Release) -> Released:
        """Trust a system's feed again. Raises ``RefusedError`` where none is in quarantine."""
        key = asked.tenant, asked.system
        async with self.database.transaction() as transaction:
            quarantines = self.quarantines(transaction)
            held = list(await quarantines.lock(key))
            if not held:
                raise RefusedError(f"no feed of {asked.system} is in quarantine; see GET /v1/feeds")
            # After the lock: whatever a batch in hand has marked suspect was appended before this moment.
            at_ms = int(self.clock().timestamp() * 1_000)
            await quarantines.release(key, at_ms)
            facts = released(key, held, asked.actor, asked.reason, at_ms)
            await transaction.enqueue([message_of(told) for told in facts])
        return Released(system=asked.system, was=said_of(held[-1]), released_at=moment_of(at_ms), feeds=len(held))
