"""One chain per tenant. Each link holds the text that was hashed, so that nothing depends on how it is stored."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from flyball.schemas.digest import canonical

GENESIS_HASH = "0" * 64


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a tenant's chain."""

    tenant: str
    sequence: int = 0
    hash: str = GENESIS_HASH


@dataclass(frozen=True, slots=True)
class Link:
    """A record in its place. ``text`` is the canonical JSON of {seq, prev, ts, event}; ``hash`` is its SHA-256."""

    tenant: str
    sequence: int
    previous_hash: str
    text: str
    hash: str

    @property
    def head(self) -> Head:
        return Head(self.tenant, self.sequence, self.hash)

    @property
    def content(self) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(self.text)
        return parsed


def append(head: Head, event: Mapping[str, Any], recorded_at: datetime) -> Link:
    """The link that puts ``event`` at the end of the chain. ``recorded_at`` is the broker's append time."""
    sequence = head.sequence + 1
    body: dict[str, Any] = {"seq": sequence, "prev": head.hash, "ts": recorded_at.isoformat(), "event": dict(event)}
    text = canonical(body).decode()
    return Link(head.tenant, sequence, head.hash, text, hash_of(text))


def hash_of(text: str) -> str:
    return sha256(text.encode()).hexdigest()
