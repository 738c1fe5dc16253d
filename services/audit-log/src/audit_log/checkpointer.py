"""Signs the end of every chain that moved, every minute, and puts it where the database is not."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime

from audit_log.adapters.postgres import read_heads
from audit_log.domain.chain import Head
from audit_log.domain.checkpoints import unsigned
from audit_log.ports import CheckpointStore, Signer
from flyball.store.errors import Transient
from flyball.store.postgres import PostgresDatabase


@dataclass(slots=True)
class Checkpointer:
    """Replicas may sign the same head twice; that says the same thing twice."""

    database: PostgresDatabase
    signer: Signer
    store: CheckpointStore
    seconds: float
    _signed: dict[str, Head] = field(default_factory=dict)

    async def run(self) -> None:
        """Until cancelled. A database that is away is asked again a minute later: nothing moves without it."""
        while True:
            await asyncio.sleep(self.seconds)
            try:
                await self.sign_all()
            except Transient:
                continue

    async def sign_all(self) -> int:
        """Sign what moved since the last time; return how many chains did."""
        moved = [head for head in await read_heads(self.database) if self._signed.get(head.tenant) != head]
        for head in moved:
            if head.sequence:
                now = datetime.now(UTC).isoformat()
                checkpoint = self.signer.sign(unsigned(head, now, self.signer.key_id))
                await asyncio.to_thread(self.store.put, checkpoint)
            self._signed[head.tenant] = head
        return len(moved)
