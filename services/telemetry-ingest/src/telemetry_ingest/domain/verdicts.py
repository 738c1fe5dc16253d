"""What becomes of each raw record: counted, duplicate or rejected. Exactly one of the three."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import NamedTuple, Protocol

from flyball.schemas.base import DEFAULT_TENANT
from flyball.schemas.envelope import Unreadable, subject_of
from flyball.schemas.plain import PlainEvent
from flyball.schemas.quick_reader import read_plain_event
from telemetry_ingest.domain.marks import Mark

KEY_MISMATCH = "key_mismatch"
TIME_IN_FUTURE = "time_in_future"
TIME_TOO_OLD = "time_too_old"
MICROSECOND = timedelta(microseconds=1)


class Raw(Protocol):
    """A raw record: where it stands, when the broker appended it, and its bytes; the bus has such records."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def timestamp_ms(self) -> int: ...
    @property
    def recorded_at(self) -> datetime: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """What an event must keep to be counted. Times are compared with the broker's append time, never with a clock."""

    body_bytes_max: int = 1_048_576
    future_max: timedelta = timedelta(minutes=5)
    past_max: timedelta = timedelta(days=7)
    late_after: timedelta = timedelta(minutes=5)

    future_us: int = field(init=False)
    past_us: int = field(init=False)
    late_us: int = field(init=False)

    def __post_init__(self) -> None:
        for name, span in (("future_us", self.future_max), ("past_us", self.past_max), ("late_us", self.late_after)):
            object.__setattr__(self, name, span // MICROSECOND)


class Accepted(NamedTuple):
    """An event that counts unless it was seen before. ``at_us`` is its time in microseconds since 1970."""

    event: PlainEvent
    raw: Raw
    late: bool
    at_us: int
    mark: Mark | None = None

    @property
    def fingerprint(self) -> bytes:
        """16 bytes that stand for (source, id), the identity of an event under CloudEvents 1.0."""
        # The length keeps ("a", "bc") and ("ab", "c") apart whatever characters they hold.
        source = self.event.source
        return blake2b(f"{len(source)}:{source}{self.event.id}".encode(), digest_size=16).digest()


@dataclass(frozen=True, slots=True)
class Rejected:
    tenant: str
    system: str
    reason: str
    field: str | None
    detail: str
    raw: Raw


def judged(records: Sequence[Raw], limits: Limits) -> tuple[list[Accepted], list[Rejected]]:
    """Judge each by itself."""
    accepted: list[Accepted] = []
    rejected: list[Rejected] = []
    for raw in records:
        verdict = judge(raw, limits)
        if type(verdict) is Accepted:
            accepted.append(verdict)
        elif isinstance(verdict, Rejected):
            rejected.append(verdict)
    return accepted, rejected


def judge(raw: Raw, limits: Limits) -> Accepted | Rejected:
    """Read one record by itself and hold it against the limits."""
    try:
        event = read_plain_event(raw.headers, raw.value, body_bytes_max=limits.body_bytes_max)
    except Unreadable as error:
        system = subject_of(raw.headers, raw.value, raw.key)
        # Nothing says which tenant an unreadable record belongs to.
        return Rejected(DEFAULT_TENANT, system, error.reason, error.field, error.detail, raw)
    return admitted(event, raw, limits)


def admitted(event: PlainEvent, raw: Raw, limits: Limits) -> Accepted | Rejected:
    """Hold an event that came with ``raw`` against the limits."""
    at_us = microseconds_of(event.time)
    age_us = raw.timestamp_ms * 1000 - at_us
    if -limits.future_us <= age_us <= limits.past_us and (raw.key is None or raw.key == event.subject.encode()):
        return Accepted(event, raw, age_us > limits.late_us, at_us)
    reason, field, detail = _flaw(event, raw, age_us, limits)
    return Rejected(event.tenant, event.subject, reason, field, detail, raw)


def microseconds_of(moment: datetime) -> int:
    """Exact until the year 4000: until then a double of seconds is less than half a microsecond off."""
    return round(moment.timestamp() * 1_000_000)


def _flaw(event: PlainEvent, raw: Raw, age_us: int, limits: Limits) -> tuple[str, str, str]:
    if raw.key is not None and raw.key != event.subject.encode():
        return KEY_MISMATCH, "subject", f"the record's key differs from its subject {event.subject!r}"
    if age_us < 0:
        return TIME_IN_FUTURE, "time", f"{event.time.isoformat()} is more than {limits.future_max} ahead of the broker"
    return TIME_TOO_OLD, "time", f"{event.time.isoformat()} is more than {limits.past_max} before its arrival"
