"""An incident is told, and told to be over: stages escalate and deliver."""

from dataclasses import replace

from flyball.schemas.alerts import Alert
from notifier.domain import attach, clocks, deliver, facts
from notifier.domain import escalate as escalation
from notifier.domain.board import Delivery, Incident
from notifier.domain.holding import reasons_to_hold
from notifier.domain.inputs import Action, Answered, ReminderDue
from notifier.domain.policy import SLACK
from notifier.domain.run import ITSELF, Run


def escalate(run: Run, incident: Incident) -> Incident:
    """Take the steps that are due, unless everything in the incident is held back; keep the incident."""
    why = escalation.again(incident, run.now, run.policy)
    if why is not None and not _held_back(run, incident):
        incident = attach.new_epoch(incident, run.now)
        run.change(incident, why, ITSELF, f"epoch {incident.epoch}: {why}")
    route = run.policy.route(incident.route)
    steps = escalation.due_steps(incident, route, run.now)
    wake_at = None
    if (steps or why) and _held_back(run, incident):
        wake_at = run.now + run.policy.interval
    else:
        for step in steps:
            run.board.put_delivery(deliver.trigger(incident, step, run.now))
        incident = escalation.taken(incident, steps)
        wake_at = escalation.wake_at(incident, route, run.policy)
        if steps:
            _say_who_is_told(run, incident, [step.name for step in steps])
    incident = replace(incident, wake_at=wake_at)
    run.board.put_incident(incident)
    return incident


def _held_back(run: Run, incident: Incident) -> bool:
    """Is everything that fires in it silenced or inhibited now?"""
    firing = run.board.firing_in("incident", incident.id)
    return bool(firing) and None not in reasons_to_hold(run, firing)


def _say_who_is_told(run: Run, incident: Incident, steps: list[str]) -> None:
    firing = [known.alert for known in run.board.firing_in("incident", incident.id)]
    run.record(
        incident.systems[0],
        "page",
        f"epoch {incident.epoch}, steps {', '.join(steps)}",
        incident.id,
        {**facts.evidence(firing), "epoch": incident.epoch, "severity": incident.severity, "steps": [*steps]},
    )
    run.note(incident.id, "escalated", ITSELF, f"epoch {incident.epoch}: {', '.join(steps)}")


def resolve(run: Run, incident: Incident, actor: str, text: str) -> Incident:
    """It is over: pages that wait are not sent, and everybody who was told is told."""
    incident = replace(
        incident,
        state="resolved",
        resolved_at=run.now,
        wake_at=None,
        reached={**incident.reached, "resolved": run.now},
        due_at={**incident.due_at, **clocks.due_after(run.now)},
        reminded=(),
    )
    run.board.put_incident(incident)
    follow_up(run, incident, "resolve")
    run.change(incident, "resolved", actor, text)
    run.record(
        incident.systems[0],
        "resolve",
        text,
        incident.id,
        {"epoch": incident.epoch, "fingerprints": len(incident.fingerprints)},
        actor=actor,
    )
    return incident


def follow_up(run: Run, incident: Incident, action: Action) -> None:
    """Take back what was not sent, and tell whoever was told. No silence, inhibition or limit is asked."""
    for delivery in [each for each in run.board.deliveries.values() if each.key.incident == incident.id]:
        if delivery.state == "open" and delivery.key.action != "resolve":
            run.board.put_delivery(deliver.cancelled(delivery, f"not needed after: {action}"))
        news = deliver.follow_up(delivery, action, run.now)
        if news is not None and news.key not in run.board.deliveries:
            run.board.put_delivery(news)


def remind(run: Run, due: ReminderDue) -> None:
    """Say in the room that a post-mortem or follow-ups are due. Nobody is paged for it."""
    incident = run.board.incidents.get(due.incident)
    now_due = [name for at, name in clocks.reminders(incident) if at <= run.now] if incident else []
    if incident is None or not now_due:
        return
    incident = replace(incident, reminded=(*incident.reminded, *now_due))
    run.board.put_incident(incident)
    for step in run.policy.route(incident.route).steps:
        if SLACK in step.channels:
            run.board.put_delivery(deliver.reminder(incident, step, now_due[-1], run.now))
    run.change(incident, "reminded", ITSELF, f"due: {', '.join(now_due)}")


def take_answer(run: Run, answered: Answered) -> None:
    """An answer of a provider: done, again later, or given up and the next channel."""
    delivery = run.board.deliveries.get(answered.key)
    if delivery is None:
        return
    ended = deliver.after(delivery, answered, run.policy)
    run.board.put_delivery(ended.delivery)
    said = f"{answered.key.action} to {facts.contact_of(delivery)}: {answered.answer}, {answered.detail}"
    run.note(answered.key.incident, "answered", ITSELF, said[:512])
    if ended.instead is not None and ended.instead.key not in run.board.deliveries:
        run.board.put_delivery(ended.instead)
    _contact(run, ended)


def _contact(run: Run, ended: deliver.Ended) -> None:
    """Flyball's own alert, once when a contact fails and once when it works again."""
    contact = facts.contact_of(ended.delivery)
    failing = run.board.failing
    if ended.gave_up and contact not in failing:
        failing[contact] = run.now
        run.outcome.alerts.append(_alert(run, ended.delivery, firing=True))
    elif ended.delivery.state == "delivered" and contact in failing:
        run.outcome.alerts.append(_alert(run, ended.delivery, firing=False))
        del failing[contact]


def _alert(run: Run, delivery: Delivery, *, firing: bool) -> Alert:
    since = run.board.failing[facts.contact_of(delivery)]
    return facts.delivery_alert(run.board.tenant, delivery, since, run.now, firing=firing)
