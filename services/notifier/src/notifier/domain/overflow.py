"""More than a room can take: what is not urgent and has waited is told in one message, with counts."""

from collections import Counter
from dataclasses import replace

from pydantic import JsonValue

from notifier.domain.board import Delivery
from notifier.domain.inputs import Overflowed
from notifier.domain.run import ITSELF, Run
from notifier.domain.severity import to_wire

DIGESTED = "digested"
TOGETHER_MIN = 2
SEVERITY_MIN = 2
"""What pages people is never put together: it waits for its turn, the worst first."""


def overflowed(run: Run, given: Overflowed) -> None:
    """Tell them together. Each one's end is then told to nobody: there would be as many messages again."""
    waiting = [each for key in given.keys if (each := run.board.deliveries.get(key)) is not None and _waits(each)]
    if len(waiting) < TOGETHER_MIN:
        return
    worst = min(waiting, key=lambda each: (each.severity, each.key))
    for each in waiting:
        run.board.put_delivery(replace(each, state=DIGESTED, detail=f"told in digest {run.board.sequence}"))
    run.board.put_delivery(_digest(run, worst, waiting))
    told = f"digest {run.board.sequence}: {len(waiting)} incidents to {worst.key.channel}/{worst.key.target}"
    incident = run.board.incidents[worst.key.incident]
    named: list[JsonValue] = [f"{each.key.incident}/{each.key.epoch}" for each in waiting]
    run.record(incident.systems[0], "digest", told, incident.id, {"incidents": named})
    for each in waiting:
        run.note(each.key.incident, "digest", ITSELF, told)


def _waits(delivery: Delivery) -> bool:
    return delivery.state == "open" and delivery.key.action == "trigger" and delivery.severity >= SEVERITY_MIN


def _digest(run: Run, worst: Delivery, waiting: list[Delivery]) -> Delivery:
    counts = Counter(each.severity for each in waiting)
    told = ", ".join(f"{count} of {to_wire(each).value}" for each, count in sorted(counts.items()))
    scheme = to_wire(worst.severity).scheme
    text = f"digest {run.board.sequence}: {len(waiting)} incidents ({told}, {scheme}), the worst"
    key = replace(worst.key, step=f"{text}/{worst.key.target}", action="digest")
    return Delivery(key, worst.severity, "open", run.now, run.now)
