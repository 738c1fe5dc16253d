"""Stage 6, attach: to which incident alerts belong, and whether that is news that must reach people again."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal

from flyball.schemas.alerts import Alert
from notifier.domain import clocks
from notifier.domain.board import Group, Incident, KnownAlert
from notifier.domain.policy import Policy

Change = Literal["opened", "reopened", "new_epoch", "alert_added", "severity_raised"]
TITLE_CHARACTERS_MAX = 512


def home(group: Group, passing: Sequence[KnownAlert], incidents: Mapping[str, Incident]) -> Incident | None:
    """The incident that alerts of a group belong to; None: a new one.

    That is the open one in which the group already is, else an open one of the same route and system, else the one
    that was over a moment before one of these fired again. A storm joins nothing else.
    """
    attached, systems = {known.incident for known in passing}, {known.alert.system for known in passing}
    candidates = [incident for incident in incidents.values() if incident.open]
    for incident in candidates:
        if incident.id in attached:
            return incident
    for incident in candidates:
        if not group.storm and incident.route == group.route and systems & set(incident.systems):
            return incident
    over = [incidents[identity] for known in passing if (identity := known.refires) and identity in incidents]
    return _latest(over)


def ended_a_moment_ago(
    fingerprint: str, incidents: Iterable[Incident], now: datetime, policy: Policy
) -> Incident | None:
    """The incident that a fingerprint which fires now was in, if it is over for no longer than the time to re-fire."""
    return _latest(
        [
            incident
            for incident in incidents
            if incident.resolved_at is not None
            and now - incident.resolved_at <= policy.refire
            and fingerprint in incident.fingerprints
        ]
    )


def _latest(incidents: Sequence[Incident]) -> Incident | None:
    return max(
        incidents, key=lambda incident: (incident.resolved_at or incident.detected_at, incident.id), default=None
    )


def opened(
    identity: str, group: Group, passing: Sequence[Alert], since: datetime, now: datetime, policy: Policy
) -> Incident:
    severity = min(alert.severity for alert in passing)
    return Incident(
        id=identity,
        route=group.route,
        systems=tuple(sorted({alert.system for alert in passing})),
        epoch=1,
        epoch_at=now,
        state="detected",
        severity=severity,
        title=title(passing, storm=group.storm),
        fingerprints=tuple(alert.fingerprint for alert in passing),
        detected_at=since,
        reached={"detected": since},
        due_at=clocks.due_from(since, severity, policy),
        storm=group.storm,
    )


def joined(
    incident: Incident, passing: Sequence[Alert], now: datetime, policy: Policy
) -> tuple[Incident, Change | None]:
    """The incident with these alerts in it, and what kind of news that is; None: none.

    Nothing is ever added to what is resolved: it is opened again, in a new epoch. Acknowledged means that somebody
    knows of what was known then, so that a new fingerprint or a higher severity begins a new epoch as well.
    """
    known = set(incident.fingerprints)
    added = tuple(alert.fingerprint for alert in passing if alert.fingerprint not in known)
    worst = min(alert.severity for alert in passing)
    merged = _merged(incident, passing, added, min(worst, incident.severity), policy)
    if not incident.open:
        return reopened(merged, worst, now, policy), "reopened"
    if incident.acknowledged_at is not None and (added or worst < incident.severity):
        return new_epoch(merged, now), "new_epoch"
    if worst < incident.severity:
        return merged, "severity_raised"
    return (merged, "alert_added") if added else (merged, None)


def _merged(
    incident: Incident, passing: Sequence[Alert], added: tuple[str, ...], severity: int, policy: Policy
) -> Incident:
    return replace(
        incident,
        systems=tuple(sorted({*incident.systems, *(alert.system for alert in passing)})),
        fingerprints=incident.fingerprints + added,
        severity=severity,
        due_at=clocks.earlier(incident.due_at, clocks.due_from(incident.detected_at, severity, policy)),
    )


def reopened(incident: Incident, severity: int, now: datetime, policy: Policy) -> Incident:
    """Back to ``investigating``, with the severity of what fires now and clocks that run from now."""
    return replace(
        new_epoch(incident, now),
        state="investigating",
        severity=severity,
        resolved_at=None,
        reached={"detected": incident.detected_at, "triaged": now, "investigating": now},
        due_at=clocks.due_from(now, severity, policy),
    )


def new_epoch(incident: Incident, now: datetime) -> Incident:
    """News that must reach people again: nobody has acknowledged it and no step was taken yet."""
    return replace(
        incident, epoch=incident.epoch + 1, epoch_at=now, acknowledged_by=None, acknowledged_at=None, issued=()
    )


def title(alerts: Sequence[Alert], *, storm: bool) -> str:
    """The worst alert's words, and how many others there are."""
    worst = min(alerts, key=lambda alert: (alert.severity, alert.started_at, alert.fingerprint))
    others = f" (and {len(alerts) - 1} more)" if len(alerts) > 1 else ""
    if storm:
        systems = len({alert.system for alert in alerts})
        return f"Alert storm: {len(alerts)} alerts of {systems} systems, the worst: {worst.summary}"[
            :TITLE_CHARACTERS_MAX
        ]
    return worst.summary[: TITLE_CHARACTERS_MAX - len(others)] + others
