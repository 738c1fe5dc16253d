"""What people say: acknowledged, moved on, silenced. What does not apply is no error here; the edge says so."""

from dataclasses import replace

from notifier.domain import clocks, telling
from notifier.domain.board import OVER, Incident
from notifier.domain.inputs import Acknowledged, MovedOn, SilenceEnded, SilenceSet
from notifier.domain.run import Run
from notifier.domain.sightings import leave_group


def acknowledge(run: Run, said: Acknowledged) -> None:
    """Somebody has it: whoever was told is told so, and no further step is taken until it lapses."""
    incident = run.board.incidents.get(said.incident)
    if incident is None or not incident.open or incident.acknowledged_at is not None:
        return
    incident = replace(
        incident,
        acknowledged_by=said.actor,
        acknowledged_at=run.now,
        state="triaged" if incident.state == "detected" else incident.state,
        reached={"triaged": run.now, **incident.reached},
    )
    telling.follow_up(run, incident, "acknowledge")
    run.change(incident, "acknowledged", said.actor, f"acknowledged by {said.actor}")
    _record(run, incident, "acknowledge", said.actor)
    telling.escalate(run, incident)


def move_on(run: Run, said: MovedOn) -> None:
    """An incident reaches a later state. At its resolution its alerts end with it, so that they may fire anew."""
    incident = run.board.incidents.get(said.incident)
    if incident is None or said.state not in clocks.allowed(incident.state):
        return
    if incident.open and said.state in OVER:
        _close_alerts(run, incident)
        incident = telling.resolve(run, incident, said.actor, f"resolved by {said.actor}")
    if incident.state == said.state:
        return
    incident = replace(incident, state=said.state, reached={**incident.reached, said.state: run.now})
    run.board.put_incident(incident)
    run.change(incident, said.state, said.actor, f"{said.state} by {said.actor}")
    _record(run, incident, said.state, said.actor)


def _close_alerts(run: Run, incident: Incident) -> None:
    for known in run.board.firing_in("incident", incident.id):
        run.board.forget_alert(known.alert.fingerprint)
        run.child(incident.id, replace(known, ended_at=run.now))
        leave_group(run, known.group)


def set_silence(run: Run, said: SilenceSet) -> None:
    run.board.silences[said.silence.id] = said.silence
    _record_silence(run, "silence", said.silence.author, said.silence.id, said.silence.comment)


def end_silence(run: Run, said: SilenceEnded) -> None:
    silence = run.board.silences.pop(said.id, None)
    if silence is not None:
        _record_silence(run, "silence_ended", said.actor, said.id, silence.comment)


def _record(run: Run, incident: Incident, decision: str, actor: str) -> None:
    inputs = {"epoch": incident.epoch, "severity": incident.severity}
    run.record(
        incident.systems[0],
        decision,
        f"{decision} by {actor}",
        incident.id,
        {**inputs},
        kind="notify.incident",
        actor=actor,
    )


def _record_silence(run: Run, decision: str, actor: str, silence: str, comment: str) -> None:
    run.record(
        "flyball", decision, f"{comment} ({actor})", silence, {"silence": silence}, kind="notify.silence", actor=actor
    )
