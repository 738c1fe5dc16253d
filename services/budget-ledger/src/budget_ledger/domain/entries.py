"""Double entry in integer points, append-only, chained by hash.

One point is a millionth of a scored event, or of a scored second for availability. Every entry moves a positive amount
from one account to another, so the accounts of a budget always sum to zero.
"""

import json
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256

SOURCE = "source"
AVAILABLE = "available"
BURNED = "burned"
EXPIRED = "expired"
ACCOUNTS = (SOURCE, AVAILABLE, BURNED, EXPIRED)

GRANT = "grant"
PLAN_GRANT = "plan_grant"
BURN = "burn"
CORRECT = "correct"
EXPIRE = "expire"

GENESIS_HASH = "0" * 64


@dataclass(frozen=True, slots=True, order=True)
class BudgetId:
    tenant: str
    system: str
    dimension: str

    def __str__(self) -> str:
        return f"{self.tenant}/{self.system}/{self.dimension}"


@dataclass(frozen=True, slots=True)
class Posting:
    """An amount of points to move, and what it stands for. ``events`` counts scored events or seconds."""

    kind: str
    debit: str
    credit: str
    amount: int
    events: int
    sampling_ppm: int = 1_000_000
    evaluator: str = ""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Why, when and under which policy postings are made. Effective is when it happened, recorded when it was known."""

    cause: str
    release: str
    effective_at: datetime
    recorded_at: datetime
    policy_version: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A posting in its place in the chain."""

    budget: BudgetId
    sequence: int
    posting: Posting
    circumstances: Circumstances
    previous_hash: str
    hash: str


@dataclass(frozen=True, slots=True)
class Balances:
    """Points by account. ``available`` may be negative and is never clamped."""

    source: int = 0
    available: int = 0
    burned: int = 0
    expired: int = 0

    def after(self, posting: Posting) -> "Balances":
        if posting.amount <= 0:
            raise ValueError(f"an entry moves a positive amount, not {posting.amount}")
        moved = replace(self, **{posting.debit: getattr(self, posting.debit) - posting.amount})
        return replace(moved, **{posting.credit: getattr(moved, posting.credit) + posting.amount})

    @property
    def total(self) -> int:
        """Zero, always."""
        return self.source + self.available + self.burned + self.expired


@dataclass(frozen=True, slots=True)
class Chain:
    """The end of a budget's chain."""

    budget: BudgetId
    sequence: int = 0
    hash: str = GENESIS_HASH

    def append(self, posting: Posting, circumstances: Circumstances) -> tuple["Chain", Entry]:
        sequence = self.sequence + 1
        digest = entry_hash(self.budget, sequence, posting, circumstances, self.hash)
        entry = Entry(self.budget, sequence, posting, circumstances, self.hash, digest)
        return Chain(self.budget, sequence, digest), entry


def entry_hash(
    budget: BudgetId, sequence: int, posting: Posting, circumstances: Circumstances, previous_hash: str
) -> str:
    """SHA-256 over a JSON array of integers and strings alone, so that no formatting of numbers can change it."""
    fields = [
        previous_hash,
        str(budget),
        sequence,
        posting.kind,
        posting.debit,
        posting.credit,
        posting.amount,
        posting.events,
        posting.sampling_ppm,
        posting.evaluator,
        circumstances.cause,
        circumstances.release,
        circumstances.effective_at.isoformat(),
        circumstances.recorded_at.isoformat(),
        circumstances.policy_version,
    ]
    canonical = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
    return sha256(canonical.encode()).hexdigest()
