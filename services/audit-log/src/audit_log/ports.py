"""What the service needs from outside its domain."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from audit_log.domain.chain import Head, Link
from audit_log.domain.checkpoints import Checkpoint


class Chains(Protocol):
    """The chains within one transaction."""

    async def lock_heads(self, tenants: Collection[str]) -> Mapping[str, Head]:
        """The end of each tenant's chain, new ones included, locked in the order of their names."""
        ...

    async def append(self, links: Sequence[Link]) -> None:
        """Append links and move the heads to the last of each tenant."""
        ...


class Signer(Protocol):
    """Holds the private key, which is never in the database."""

    @property
    def key_id(self) -> str: ...

    def sign(self, checkpoint: Checkpoint) -> Checkpoint: ...

    def is_genuine(self, checkpoint: Checkpoint) -> bool: ...


class CheckpointStore(Protocol):
    """Keeps checkpoints outside the database."""

    async def put(self, checkpoint: Checkpoint) -> None:
        """Return when the checkpoint is safe on disk."""
        ...

    async def read(self, tenant: str) -> Sequence[Checkpoint]:
        """Checkpoints of one tenant, oldest first."""
        ...
