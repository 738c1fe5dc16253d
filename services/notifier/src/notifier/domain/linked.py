"""What else was decided about an incident's systems shortly before it, and since: often its cause, or its cure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from flyball.schemas.audit import AuditRecord

KINDS: Final = frozenset({"autonomy.level", "budget.zone", "drift.feature", "drift.reference", "rollout.step"})
"""Levels, with the first action of each release; zones; drift; roll-outs and rollbacks. Not each single decision."""
BEFORE: Final = timedelta(hours=24)
SAID: Final = ("subject", "decision", "reason", "actor")
KEPT: Final = timedelta(days=8)
"""An incident's follow-ups are due a week after it."""


@dataclass(frozen=True, slots=True)
class Change:
    """One decision of another service."""

    id: UUID
    tenant: str
    system: str
    at: datetime
    kind: str
    subject: str
    decision: str
    reason: str
    actor: str


def change_of(identity: UUID, record: AuditRecord) -> Change | None:
    """None for what would only be noise beside an incident."""
    if record.kind not in KINDS:
        return None
    said = {name: str(getattr(record, name)).replace("\0", "\ufffd") for name in SAID}
    return Change(identity, record.tenant, record.system, record.decided_at, record.kind, **said)
