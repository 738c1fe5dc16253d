"""An incident's states and clocks: from where to where it may go, and until when it should."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from flyball.schemas.incidents import IncidentState
from notifier.domain.board import Incident
from notifier.domain.policy import Policy

STATES: tuple[IncidentState, ...] = (
    "detected",
    "triaged",
    "investigating",
    "mitigated",
    "resolved",
    "verified",
    "post_mortem",
    "closed",
)
RESPONSE = "response"
MINUTE = timedelta(minutes=1)
INVESTIGATION_MINUTES = (15, 30, 60, 60)
"""By severity; of the 15 to 60 minutes that are allowed."""
MITIGATION_MINUTES = (30, 60, 240, 240)
AFTER_RESOLUTION = {
    "verified": timedelta(minutes=15),
    "post_mortem": timedelta(hours=24),
    "closed": timedelta(days=7),
}

REMINDED_OF: tuple[IncidentState, ...] = ("post_mortem", "closed")
"""The post-mortem, and the follow-ups with which an incident is closed. Before its resolution escalation reminds."""
REMINDERS = (("75 % of its time is over", 0.75), ("due", 1.0))


def allowed(state: IncidentState) -> tuple[IncidentState, ...]:
    """Where a person may move an incident: onwards, in any stride. Back to ``investigating`` it goes by re-firing."""
    return STATES[STATES.index(state) + 1 :]


def due_from(detected_at: datetime, severity: int, policy: Policy) -> dict[str, datetime]:
    """The clocks that run from detection."""
    return {
        RESPONSE: detected_at + policy.response(severity),
        "triaged": detected_at + 5 * MINUTE,
        "investigating": detected_at + INVESTIGATION_MINUTES[severity] * MINUTE,
        "mitigated": detected_at + MITIGATION_MINUTES[severity] * MINUTE,
    }


def due_after(resolved_at: datetime) -> dict[str, datetime]:
    """The clocks that run from resolution."""
    return {name: resolved_at + span for name, span in AFTER_RESOLUTION.items()}


def reminders(incident: Incident) -> list[tuple[datetime, str]]:
    """When people are to be reminded of what, the next first: of clocks that were neither met nor reminded of."""
    if incident.resolved_at is None or incident.open:
        return []
    place = STATES.index(incident.state)
    left = [name for name in REMINDED_OF if place < STATES.index(name) and name in incident.due_at]
    found = [
        (
            incident.resolved_at + (incident.due_at[name] - incident.resolved_at) * share,
            f"{name.replace('_', '-')}: {told}",
        )
        for name in left
        for told, share in REMINDERS
    ]
    return sorted((at, name) for at, name in found if name not in incident.reminded)


def next_reminder(incident: Incident) -> datetime | None:
    return next((at for at, _ in reminders(incident)), None)


def earlier(one: Mapping[str, datetime], other: Mapping[str, datetime]) -> dict[str, datetime]:
    """The earlier deadline wins: worse news brings clocks forward and never puts one back."""
    return {name: min(one.get(name, at), other.get(name, at)) for name, at in {**one, **other}.items()}


def clocks(
    reached: Mapping[str, datetime], acknowledged_at: datetime | None, due_at: Mapping[str, datetime]
) -> list[dict[str, Any]]:
    """Each clock with its deadline and when it was met, for people."""
    met = {**reached, **({RESPONSE: acknowledged_at} if acknowledged_at else {})}
    return [
        {"name": name, "due_at": due.isoformat(), "met_at": at.isoformat() if (at := met.get(name)) else None}
        for name, due in sorted(due_at.items(), key=lambda item: item[1])
    ]
