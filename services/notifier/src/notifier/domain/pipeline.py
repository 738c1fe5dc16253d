"""The stages one after another: route, de-duplicate, group, inhibit, silence, attach, escalate, deliver.

``apply`` folds inputs into a board. It reads no clock and draws nothing: the same inputs in the same order make the
same incidents, the same intents and the same reasons, however they were cut into batches.
"""

from collections.abc import Iterable

from notifier.domain import telling
from notifier.domain.board import Board
from notifier.domain.facts import Outcome
from notifier.domain.flushing import due_groups, flush
from notifier.domain.inputs import (
    Acknowledged,
    AlertSeen,
    Answered,
    Input,
    MovedOn,
    Overflowed,
    ReminderDue,
    SilenceEnded,
    SilenceSet,
)
from notifier.domain.overflow import overflowed
from notifier.domain.people import acknowledge, end_silence, move_on, set_silence
from notifier.domain.policy import Policy
from notifier.domain.run import Run
from notifier.domain.sightings import see


def apply(board: Board, inputs: Iterable[Input], policy: Policy) -> Outcome:
    """Change ``board`` by each input in turn, and say what came of it."""
    outcome = Outcome()
    for given in inputs:
        board.sequence += 1
        now = board.now = max(board.now or given.at, given.at)
        run = Run(board, policy, outcome, now)
        fire(run)
        _take(run, given)
        fire(run)
    return outcome


def fire(run: Run) -> None:
    """Do what is due: tell groups, then escalate incidents."""
    if run.board.soonest is None or run.board.soonest > run.now:
        return
    for group in due_groups(run):
        flush(run, group)
    for incident in sorted(run.board.incidents.values(), key=lambda each: each.id):
        if incident.wake_at is not None and incident.wake_at <= run.now:
            telling.escalate(run, incident)
    run.board.look_at_clocks()


def _take(run: Run, given: Input) -> None:
    if isinstance(given, AlertSeen):
        see(run, given.alert)
    elif isinstance(given, Acknowledged):
        acknowledge(run, given)
    elif isinstance(given, MovedOn):
        move_on(run, given)
    elif isinstance(given, ReminderDue):
        telling.remind(run, given)
    elif isinstance(given, Overflowed):
        overflowed(run, given)
    elif isinstance(given, SilenceSet):
        set_silence(run, given)
    elif isinstance(given, SilenceEnded):
        end_silence(run, given)
    elif isinstance(given, Answered):
        telling.take_answer(run, given)
