"""A group is told: stages inhibit, silence and attach over what fires in it."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID, uuid5

from flyball.schemas.alerts import Alert
from notifier.domain import attach, telling
from notifier.domain import group as grouping
from notifier.domain.board import Group, Incident, KnownAlert
from notifier.domain.holding import reasons_to_hold
from notifier.domain.run import ITSELF, Run

INCIDENTS = UUID("3c1f5ad4-5b0d-5f0e-9a57-9f4b7b9e2a11")
"""Namespace of incidents' ids."""


def due_groups(run: Run) -> list[Group]:
    due = [group for group in run.board.groups.values() if group.due_at is not None and group.due_at <= run.now]
    return sorted(due, key=lambda group: (group.due_at, group.key))


def flush(run: Run, group: Group) -> None:
    """Tell what fires in the group and is not held back; look again later if something is."""
    firing = run.board.firing_in("group", group.key)
    if not firing:
        del run.board.groups[group.key]
        return
    passing = _passing(run, group, firing)
    if passing:
        _attach(run, group, passing)
    run.board.put_group(grouping.flushed(group, run.now, run.policy, look_again=len(passing) < len(firing)))


def _passing(run: Run, group: Group, firing: Sequence[KnownAlert]) -> list[KnownAlert]:
    held: dict[str, list[Alert]] = {}
    passing = []
    for known, why in zip(firing, reasons_to_hold(run, firing), strict=True):
        if why is None:
            passing.append(known)
        elif known.incident is None:
            held.setdefault(why, []).append(known.alert)
    for why, alerts in held.items():
        run.decided("no_page", why, alerts, group.key)
    return passing


def _attach(run: Run, group: Group, passing: Sequence[KnownAlert]) -> None:
    alerts = [known.alert for known in passing]
    home = attach.home(group, passing, run.board.incidents)
    if home is None:
        identity = str(uuid5(INCIDENTS, f"{run.board.tenant}/{run.board.sequence}/{group.key}"))
        since = min(known.seen_at for known in passing)
        incident, change = attach.opened(identity, group, alerts, since, run.now, run.policy), "opened"
    else:
        incident, news = attach.joined(home, alerts, run.now, run.policy)
        change = news or ""
    _keep(run, incident, passing)
    if change:
        incident = _titled(run, incident)
        run.change(incident, change, ITSELF, f"{len(alerts)} alerts of group {group.key}: {incident.title}")
    before = incident.issued
    told = telling.escalate(run, incident)
    if change and told.issued == before:
        reason = f"{change}: people were told of this incident in epoch {told.epoch} already, or no step is due"
        run.decided("no_page", reason, alerts, told.id, {"epoch": told.epoch})


def _keep(run: Run, incident: Incident, passing: Sequence[KnownAlert]) -> None:
    for known in passing:
        if known.incident != incident.id:
            moved = replace(known, incident=incident.id)
            run.board.put_alert(moved)
            run.child(incident.id, moved)


def _titled(run: Run, incident: Incident) -> Incident:
    firing = [known.alert for known in run.board.firing_in("incident", incident.id)]
    return replace(incident, title=attach.title(firing, storm=incident.storm)) if firing else incident
