"""``audit.records.v1``: every decision of every service, with what it rested on, so that it can be made again."""

from typing import Annotated

from pydantic import Field, JsonValue

from flyball.schemas.base import Count, Event, Name, ShortText, Text, UtcTime

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""SHA-256 in hexadecimal over the RFC 8785 form of a JSON value."""


class AuditRecord(Event):
    """One decision. ``inputs`` and ``policy_version`` are enough to decide again; ``inputs_digest`` proves them."""

    tenant: Name
    system: Name
    service: Name
    kind: Name
    """What was decided, for example ``budget.zone`` or ``autonomy.level``."""
    subject: Text
    """What it was decided about: a budget, an action, a rollout, an incident."""
    actor: Text
    """``service:<name>`` or ``user:<name>``."""
    decision: ShortText
    reason: str = Field(max_length=1_024)
    policy_version: Count
    inputs: dict[ShortText, JsonValue] = Field(max_length=64)
    inputs_digest: Digest
    decided_at: UtcTime
    """From the records that led to the decision, never from a clock."""
