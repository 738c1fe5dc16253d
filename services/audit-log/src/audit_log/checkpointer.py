"""Signs the end of every chain that moved, every minute, and puts it where the database is not."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from audit_log.domain.chain import Head
from audit_log.domain.checkpoints import unsigned
from audit_log.ports import CheckpointStore, Signer
from flyball.store.errors import Transient

Heads = Callable[[], Awaitable[Sequence[Head]]]
"""The end of every chain, as it is committed. Raises ``Transient`` while the database is away."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class Checkpointer:
    """Replicas may sign the same head twice; that says the same thing twice."""

    heads: Heads
    signer: Signer
    store: CheckpointStore
    seconds: float
    clock: Callable[[], datetime] = _utc_now
    _signed: dict[str, Head] = field(default_factory=dict)

    async def run(self) -> None:
        """Until cancelled. What is away is asked again a minute later: nothing moves without the database."""
        while True:
            await asyncio.sleep(self.seconds)
            try:
                await self.sign_all()
            except Transient:
                continue

    async def sign_all(self) -> int:
        """Sign what moved since the last time; return how many chains did."""
        moved = [head for head in await self.heads() if self._signed.get(head.tenant) != head]
        for head in moved:
            if head.sequence:
                at = self.clock().isoformat()
                await self.store.put(self.signer.sign(unsigned(head, at, self.signer.key_id)))
            self._signed[head.tenant] = head
        return len(moved)
