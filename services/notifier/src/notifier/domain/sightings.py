"""What a record of an alert does to the board: stages route, de-duplicate and group."""

from dataclasses import replace

from flyball.schemas.alerts import Alert
from notifier.domain import attach, telling
from notifier.domain import group as grouping
from notifier.domain.board import Group, KnownAlert
from notifier.domain.deduplicate import sighting
from notifier.domain.matchers import labels_of
from notifier.domain.policy import Route
from notifier.domain.route import group_key, route_of
from notifier.domain.run import Run

NOT_TOLD = "no_page"


def see(run: Run, alert: Alert) -> None:
    known = run.board.alerts.get(alert.fingerprint)
    what = sighting(_remembered(known, run), alert)
    if what == "new":
        _begin(run, alert)
    elif known is not None and what == "changed":
        _change(run, known, alert)
    elif known is not None and what == "ended":
        _end(run, known, alert)
    elif what == "unknown":
        # Whatever comes late of this episode is then known to be over.
        run.board.put_alert(KnownAlert(alert, "", "", run.now, ended_at=run.now))
    elif what == "stale":
        run.decided(NOT_TOLD, "the episode it speaks of is over", [alert], alert.fingerprint)


def _remembered(known: KnownAlert | None, run: Run) -> KnownAlert | None:
    """What ended longer ago than the time to re-fire is as good as unknown, whether or not it was forgotten yet."""
    if known is None or known.ended_at is None or run.now - known.ended_at <= run.policy.refire:
        return known
    return None


def _begin(run: Run, alert: Alert) -> None:
    if len(run.board.alerts) >= run.policy.alerts_open_max and alert.fingerprint not in run.board.alerts:
        limit = f"more than {run.policy.alerts_open_max} alerts are open: those that are will be told"
        run.decided(NOT_TOLD, limit, [alert], alert.fingerprint)
        return
    labels = labels_of(alert)
    route = route_of(labels, run.policy)
    natural = group_key(route, labels)
    group = _group_for(run, route, natural)
    over = attach.ended_a_moment_ago(alert.fingerprint, run.board.incidents.values(), run.now, run.policy)
    run.board.put_alert(KnownAlert(alert, natural, group.key, run.now, refires=over.id if over else None))
    worse = _is_worse(run, group, alert)
    run.board.put_group(grouping.touched(group, run.now, run.policy, worse=worse))


def _group_for(run: Run, route: Route, natural: str) -> Group:
    """The group of a new alert, opened if need be."""
    board, policy = run.board, run.policy
    if natural in board.groups:
        return board.groups[natural]
    if not board.firing("natural", natural):
        board.new_groups = grouping.with_new_group(board.new_groups, run.now, policy)
    if grouping.is_storm(board.new_groups, policy):
        return _storm(run)
    return grouping.opened(natural, route.name, run.now, policy)


def _storm(run: Run) -> Group:
    """The storm's group. Where one begins, groups that were not told yet become part of it."""
    board = run.board
    if board.storm_key in board.groups:
        return board.groups[board.storm_key]
    board.storm_key = grouping.storm_key(run.now)
    storm = grouping.opened(board.storm_key, run.policy.last_route.name, run.now, run.policy)
    for group in [group for group in board.groups.values() if group.flushed_at is None]:
        for known in board.firing_in("group", group.key):
            board.put_alert(replace(known, group=storm.key))
        del board.groups[group.key]
        storm = _no_later_than(storm, group)
    board.put_group(storm)
    return storm


def _no_later_than(storm: Group, group: Group) -> Group:
    """A storm may not put off what was about to be told."""
    moments = [each.due_at for each in (storm, group) if each.due_at is not None]
    return replace(storm, due_at=min(moments, default=None))


def _is_worse(run: Run, group: Group, alert: Alert) -> bool:
    others = run.board.firing_in("group", group.key) if group.flushed_at else []
    return all(alert.severity < known.alert.severity for known in others if known.alert != alert)


def _change(run: Run, known: KnownAlert, alert: Alert) -> None:
    run.board.put_alert(replace(known, alert=alert, seen_at=run.now))
    group = run.board.groups.get(known.group)
    if group is None:
        route = route_of(labels_of(alert), run.policy)
        group = grouping.opened(known.group, route.name, run.now, run.policy)
    worse = alert.severity < known.alert.severity
    run.board.put_group(grouping.touched(group, run.now, run.policy, worse=worse))


def _end(run: Run, known: KnownAlert, alert: Alert) -> None:
    """An end passes every silence and inhibition: whoever was told that it began is told that it ended."""
    ended = replace(known, alert=replace_status(known.alert, alert), ended_at=run.now)
    run.board.put_alert(ended)
    leave_group(run, known.group)
    if known.incident is None:
        run.decided(NOT_TOLD, "it ended before anybody was told that it began", [ended.alert], known.group)
        return
    run.child(known.incident, ended)
    incident = run.board.incidents.get(known.incident)
    if incident is not None and incident.open and not run.board.firing("incident", incident.id):
        telling.resolve(run, incident, "service:notifier", "the last of its alerts ended")


def replace_status(began: Alert, ended: Alert) -> Alert:
    """The alert as it began, with its end."""
    return began.model_copy(update={"status": ended.status, "ended_at": ended.ended_at})


def leave_group(run: Run, key: str) -> None:
    """A group in which nothing fires is forgotten; if it was told, only after an interval, so that flapping is slow."""
    group = run.board.groups.get(key)
    if group is None or run.board.firing("group", key):
        return
    if group.flushed_at is None:
        del run.board.groups[key]
    else:
        run.board.put_group(grouping.touched(group, run.now, run.policy))
