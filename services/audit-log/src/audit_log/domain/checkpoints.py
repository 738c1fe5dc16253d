"""Signed statements of how far a chain went, kept where whoever holds the database cannot reach them."""

from dataclasses import asdict, dataclass

from audit_log.domain.chain import Head
from flyball.schemas.digest import canonical


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """At this sequence the chain had this hash. Signed with Ed25519 (RFC 8032) over its canonical JSON."""

    tenant: str
    sequence: int
    hash: str
    at: str
    key_id: str
    signature: str = ""

    @property
    def signed_bytes(self) -> bytes:
        fields = asdict(self)
        del fields["signature"]
        return canonical(fields)


def unsigned(head: Head, at: str, key_id: str) -> Checkpoint:
    return Checkpoint(head.tenant, head.sequence, head.hash, at, key_id)
