"""What becomes of each raw record: counted, duplicate or rejected. Exactly one of the three."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b

from flyball.schemas.base import DEFAULT_TENANT
from flyball.schemas.envelope import Unreadable, read_agent_event, subject_of
from flyball.schemas.native import AgentEvent

KEY_MISMATCH = "key_mismatch"
TIME_IN_FUTURE = "time_in_future"
TIME_TOO_OLD = "time_too_old"


@dataclass(frozen=True, slots=True)
class Limits:
    """What an event must keep to be counted. Times are compared with the broker's append time, never with a clock."""

    body_bytes_max: int = 1_048_576
    future_max: timedelta = timedelta(minutes=5)
    past_max: timedelta = timedelta(days=7)
    late_after: timedelta = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Raw:
    """A raw record: where it stands, when the broker appended it, and its bytes."""

    topic: str
    partition: int
    offset: int
    recorded_at: datetime
    key: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    body: bytes | None


@dataclass(frozen=True, slots=True)
class Accepted:
    event: AgentEvent
    raw: Raw
    late: bool

    @property
    def fingerprint(self) -> bytes:
        """16 bytes that stand for (source, id), the identity of an event under CloudEvents 1.0."""
        # The length keeps ("a", "bc") and ("ab", "c") apart whatever characters they hold.
        identity = f"{len(self.event.source)}:{self.event.source}{self.event.id}".encode()
        return blake2b(identity, digest_size=16).digest()


@dataclass(frozen=True, slots=True)
class Rejected:
    tenant: str
    system: str
    reason: str
    field: str | None
    detail: str
    raw: Raw


def judge(raw: Raw, limits: Limits) -> Accepted | Rejected:
    """Read one record by itself and hold it against the limits."""
    try:
        event = read_agent_event(raw.headers, raw.body, body_bytes_max=limits.body_bytes_max)
    except Unreadable as error:
        system = subject_of(raw.headers, raw.body, raw.key)
        # Nothing says which tenant an unreadable record belongs to.
        return Rejected(DEFAULT_TENANT, system, error.reason, error.field, error.detail, raw)
    flaw = _flaw(event, raw, limits)
    if flaw is not None:
        reason, field, detail = flaw
        return Rejected(event.tenant, event.subject, reason, field, detail, raw)
    return Accepted(event, raw, late=raw.recorded_at - event.time > limits.late_after)


def _flaw(event: AgentEvent, raw: Raw, limits: Limits) -> tuple[str, str, str] | None:
    if raw.key is not None and raw.key != event.subject.encode():
        return KEY_MISMATCH, "subject", f"the record's key differs from its subject {event.subject!r}"
    if event.time - raw.recorded_at > limits.future_max:
        return TIME_IN_FUTURE, "time", f"{event.time.isoformat()} is more than {limits.future_max} ahead of the broker"
    if raw.recorded_at - event.time > limits.past_max:
        return TIME_TOO_OLD, "time", f"{event.time.isoformat()} is more than {limits.past_max} before its arrival"
    return None
