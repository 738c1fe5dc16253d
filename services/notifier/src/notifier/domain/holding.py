"""Stages inhibit and silence together: why alerts page nobody now."""

from collections.abc import Sequence

from notifier.domain.board import KnownAlert
from notifier.domain.inhibit import inhibitions
from notifier.domain.matchers import labels_of
from notifier.domain.run import Run
from notifier.domain.silence import silenced_by


def reasons_to_hold(run: Run, firing: Sequence[KnownAlert]) -> list[str | None]:
    """Why each of the alerts pages nobody now; None where nothing holds it back."""
    board, policy = run.board, run.policy
    everything = [(each.alert.fingerprint, labels_of(each.alert)) for each in board.alerts.values() if each.firing]
    rules = inhibitions(everything if policy.inhibit_rules else (), policy)
    found: list[str | None] = []
    for known in firing:
        labels = labels_of(known.alert)
        silence = silenced_by(labels, board.silences.values(), run.now)
        if rules.inhibited(known.alert.fingerprint, labels):
            found.append("inhibited by something worse that fires")
        else:
            found.append(f"silenced by {silence.author}: {silence.comment}" if silence else None)
    return found
