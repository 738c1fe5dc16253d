"""What of a rejected record is published again, and what is said of it in the audit log."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from flyball.schemas.audit import AuditRecord
from flyball.schemas.digest import digest_of
from flyball.schemas.envelope import ATTRIBUTE_PREFIX, CONTENT_TYPE, STRUCTURED, Headers, read_agent_event
from flyball.schemas.repair import identity_of
from flyball.schemas.topics import AGENT_EVENTS

SERVICE: Final = "console"
KIND: Final = "rejected.replay"
EVENT_BYTES_MAX: Final = AGENT_EVENTS.record_bytes_max - 4_096
STRUCTURED_HEADERS: Final = ((CONTENT_TYPE, STRUCTURED.encode()),)


class ReplayError(Exception):
    """The event would be another one than the one that was rejected."""

    def __init__(self, field: str, cause: str) -> None:
        super().__init__(cause)
        self.field = field


@dataclass(frozen=True, slots=True)
class Replay:
    """An event that is fit to be published, and whose it is."""

    rejected: UUID
    tenant: str
    system: str
    source: str
    event_id: str
    headers: tuple[tuple[str, bytes], ...]
    body: bytes
    changed: bool


def replay_of(row: Mapping[str, Any], mended: bytes | None) -> Replay:
    """The rejected record ``row``, or ``mended`` in its place: valid now, and of the same source and id.

    Raises ``Unreadable`` where it would be rejected again, ``ReplayError`` where it would not be the same event.
    """
    arrived: Headers = list(zip(row["header_names"], row["header_values"], strict=True))
    body = row["body"] if mended is None else mended
    headers = _kept(arrived) if mended is None else STRUCTURED_HEADERS
    event = read_agent_event(headers, body, body_bytes_max=EVENT_BYTES_MAX)
    _check_same(row, arrived, event.source, event.id)
    return Replay(
        rejected=row["id"],
        tenant=event.tenant,
        system=event.subject,
        source=event.source,
        event_id=event.id,
        headers=headers,
        body=body,
        changed=body != row["body"],
    )


def audit_record(replay: Replay, row: Mapping[str, Any], actor: str, reason: str, now: datetime) -> AuditRecord:
    """Who replayed what, with the digests of what arrived and of what was published."""
    inputs: dict[str, Any] = {
        "rejected": str(replay.rejected),
        "reason": row["reason"],
        "field": row["field"],
        "position": f"{row['topic']}/{row['partition']}/{row['offset']}",
        "source": replay.source,
        "event_id": replay.event_id,
        "arrived_sha256": sha256(row["body"] or b"").hexdigest(),
        "replayed_sha256": sha256(replay.body).hexdigest(),
    }
    return AuditRecord(
        tenant=row["tenant"],
        system=replay.system,
        service=SERVICE,
        kind=KIND,
        subject=f"{row['tenant']}/{replay.system}/{replay.rejected}"[:256],
        actor=actor,
        decision="repaired and replayed" if replay.changed else "replayed",
        reason=reason,
        policy_version=0,
        inputs=inputs,
        inputs_digest=digest_of(inputs),
        decided_at=now,
    )


def _kept(arrived: Headers) -> tuple[tuple[str, bytes], ...]:
    """What the reader looks at. Others, which may have had no value, are the broker's and the agent's own affair."""
    return tuple(
        (name, value or b"") for name, value in arrived if name == CONTENT_TYPE or name.startswith(ATTRIBUTE_PREFIX)
    )


def _check_same(row: Mapping[str, Any], arrived: Headers, source: str, event_id: str) -> None:
    """What could be read of the original's identity stays, unless just that was why it was rejected."""
    original = identity_of(arrived, row["body"])
    blamed = {row["field"], (row["field"] or "").removeprefix(ATTRIBUTE_PREFIX)}
    for name, was, now in (("source", original.source, source), ("id", original.id, event_id)):
        if was is not None and was != now and name not in blamed:
            raise ReplayError(name, f"{name} was {was[:80]!r} and would be {now[:80]!r}: by it an event counts once")
