"""The disk with the file of checkpoints: what is acknowledged stays, the last line of who dies may be cut short."""

from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit_log.adapters.files import checkpoints_in, line_of
from audit_log.adapters.signing import Ed25519Signer
from audit_log.domain.chain import Head
from audit_log.domain.checkpoints import Checkpoint
from flyball.sim.network import Server
from flyball.sim.process import Life, State, current_life

SIGNER = Ed25519Signer(Ed25519PrivateKey.from_private_bytes(bytes(32)))


@dataclass(frozen=True, slots=True)
class MemoryCheckpoints:
    """audit-log's port on a volume that all replicas write."""

    volume: "Volume"

    async def put(self, checkpoint: Checkpoint) -> None:
        await self.volume.append(checkpoint)

    async def read(self, tenant: str) -> list[Checkpoint]:
        return [one for one in self.volume.checkpoints() if one.tenant == tenant]


class Volume(Server):
    """One file. Lines are those of the real one, byte for byte."""

    content: bytes = b""
    promised: frozenset[Head] = frozenset()
    """Ends of chains that are in it."""

    def checkpoints(self) -> list[Checkpoint]:
        """For those who judge a run."""
        return list(checkpoints_in(self.content.splitlines(keepends=True)))

    async def append(self, checkpoint: Checkpoint) -> None:
        life = current_life()
        await self.call(f"checkpoint {checkpoint.sequence}", lambda: self._write(life, checkpoint))

    def _write(self, life: Life | None, checkpoint: Checkpoint) -> None:
        line = line_of(checkpoint)
        if life is not None and life.state is State.DEAD:
            self.content += line[: self.world.random.randrange(len(line))]
        else:
            self.content += line
            self.promised |= {Head(checkpoint.tenant, checkpoint.sequence, checkpoint.hash)}
