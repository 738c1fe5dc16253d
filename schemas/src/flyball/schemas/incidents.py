"""``incidents.v1``: what people work on. Each record is the whole state of one incident after one change."""

from typing import Annotated, Literal

from pydantic import Field

from flyball.schemas.alerts import Severity
from flyball.schemas.base import Count, Event, Identifier, Name, ShortText, Text, UtcTime

IncidentState = Literal[
    "detected", "triaged", "investigating", "mitigated", "resolved", "verified", "post_mortem", "closed"
]


class IncidentChanged(Event):
    """An incident. A new epoch is news that must reach people again; within an epoch nobody is paged twice."""

    incident_id: Identifier
    tenant: Name
    systems: tuple[Name, ...] = Field(min_length=1, max_length=256)
    system_count: Count
    """How many there are; more than are listed in a large storm."""
    epoch: Annotated[int, Field(ge=1)]
    state: IncidentState
    severity: Severity
    title: str = Field(min_length=1, max_length=512)
    fingerprints: tuple[Text, ...] = Field(max_length=1_024)
    """The alerts that were ever in it, the oldest first."""
    fingerprint_count: Count
    storm: bool = False
    """An alert storm: more new groups in a minute than anybody could work on one by one."""
    acknowledged_by: Text | None = None
    detected_at: UtcTime
    changed_at: UtcTime
    change: ShortText
    """What made this record: ``opened``, ``alert_added``, ``acknowledged``, ``resolved``, ..."""
