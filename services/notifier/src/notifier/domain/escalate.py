"""Stage 7, escalate: which steps of the chain are due, until somebody has acknowledged."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

from notifier.domain.board import Incident
from notifier.domain.policy import Policy, Route, Step

Again = Literal["acknowledgement_expired", "repeated"]


def due_steps(incident: Incident, route: Route, now: datetime) -> list[Step]:
    """Steps to take now, in their order. None in what is acknowledged or over, none twice in an epoch."""
    return [step for step in _left(incident, route) if _due(incident, step) <= now]


def taken(incident: Incident, steps: list[Step]) -> Incident:
    return replace(incident, issued=(*incident.issued, *(step.name for step in steps)))


def again(incident: Incident, now: datetime, policy: Policy) -> Again | None:
    """Why people must be told again although nothing is new: an acknowledgement lapsed, or nobody ever gave one."""
    if not incident.open:
        return None
    if incident.acknowledged_at is None:
        return "repeated" if now >= _repeat_at(incident, policy) else None
    lapses = _lapses_at(incident, policy)
    return "acknowledgement_expired" if lapses and now >= lapses else None


def wake_at(incident: Incident, route: Route, policy: Policy) -> datetime | None:
    """When to look at the incident again."""
    if not incident.open:
        return None
    if incident.acknowledged_at is not None:
        return _lapses_at(incident, policy)
    return min([*(_due(incident, step) for step in _left(incident, route)), _repeat_at(incident, policy)])


def _left(incident: Incident, route: Route) -> list[Step]:
    if not incident.open or incident.acknowledged_at is not None:
        return []
    return [step for step in route.steps if step.name not in incident.issued and incident.severity <= step.severity_max]


def _due(incident: Incident, step: Step) -> datetime:
    return incident.epoch_at + timedelta(seconds=step.wait_seconds)


def _repeat_at(incident: Incident, policy: Policy) -> datetime:
    return incident.epoch_at + timedelta(seconds=policy.repeat_seconds)


def _lapses_at(incident: Incident, policy: Policy) -> datetime | None:
    seconds = policy.acknowledgement_seconds[incident.severity]
    if incident.acknowledged_at is None or not seconds:
        return None
    return incident.acknowledged_at + timedelta(seconds=seconds)
