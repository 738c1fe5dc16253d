"""Stage 8, deliver: the intents, and what an answer of a provider makes of one."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from notifier.domain.board import Delivery, Incident
from notifier.domain.inputs import Action, Answered, DeliveryKey
from notifier.domain.policy import ACKNOWLEDGING, SLACK, Policy, Step

PAUSE_SECONDS_FIRST, PAUSE_SECONDS_MAX = 1.0, 300.0
RETRY_AFTER_SECONDS_MAX = 3_600.0
FOLLOW_UP = timedelta(hours=24)
"""How long a resolve or an acknowledgement is tried: it always gets through, so longer than any response time."""
DOUBLINGS_MAX = 16
DETAIL_CHARACTERS_MAX = 512


@dataclass(frozen=True, slots=True)
class Ended:
    """The delivery after an answer, the one that takes its place, and whether its contact was given up on."""

    delivery: Delivery
    instead: Delivery | None = None
    gave_up: bool = False


def trigger(incident: Incident, step: Step, now: datetime) -> Delivery:
    """The intent to take a step, through its first channel."""
    key = DeliveryKey(incident.id, incident.epoch, step.name, "trigger", step.channels[0], step.target)
    return Delivery(key, incident.severity, "open", now, now, fallbacks=step.channels[1:])


def reminder(incident: Incident, step: Step, name: str, now: datetime) -> Delivery:
    """The intent to remind a step's target; ``name`` makes it one of its own."""
    key = DeliveryKey(incident.id, incident.epoch, f"{name}/{step.target}", "remind", SLACK, step.target)
    return Delivery(key, incident.severity, "open", now, now)


def follow_up(told: Delivery, action: Action, now: datetime) -> Delivery | None:
    """Tells whoever was told, or may have been, what became of it. None where it could not have been said."""
    unheard = told.key.action != "trigger" or told.state in {"dead", "not_needed", "digested"}
    if unheard or (action == "acknowledge" and told.key.channel not in ACKNOWLEDGING):
        return None
    return Delivery(replace(told.key, action=action), told.severity, "open", now, now)


def cancelled(delivery: Delivery, why: str) -> Delivery:
    """A page that is not news any more is not sent. If it is on its way this very moment, its answer is still kept."""
    return replace(delivery, state="cancelled", detail=why)


def after(delivery: Delivery, answered: Answered, policy: Policy) -> Ended:
    """What an answer makes of a delivery: done, to be tried again, or given up, with the next channel in its place."""
    first = delivery.first_attempt_at or answered.at
    tried = replace(
        delivery,
        attempts=delivery.attempts + 1,
        first_attempt_at=first,
        detail=answered.detail[:DETAIL_CHARACTERS_MAX],
    )
    if answered.answer in {"delivered", "not_needed"}:
        return Ended(replace(tried, state=answered.answer))
    if delivery.state != "open":
        return Ended(replace(tried, detail=delivery.detail))
    not_before = answered.at + timedelta(seconds=_pause_seconds(delivery, answered))
    if answered.answer == "refused" or not_before > first + _patience(delivery, policy):
        return Ended(replace(tried, state="dead"), _instead(tried, answered.at), gave_up=True)
    return Ended(replace(tried, not_before=not_before))


def _patience(delivery: Delivery, policy: Policy) -> timedelta:
    return policy.response(delivery.severity) if delivery.key.action == "trigger" else FOLLOW_UP


def _pause_seconds(delivery: Delivery, answered: Answered) -> float:
    """Full jitter up to 2 s, 4 s, ... 5 min, 1 s at least, unless the provider said when."""
    if answered.answer == "later" and answered.retry_after_seconds is not None:
        return min(max(answered.retry_after_seconds, 0.0), RETRY_AFTER_SECONDS_MAX)
    doublings = min(delivery.attempts, DOUBLINGS_MAX)
    longest = min(PAUSE_SECONDS_MAX, PAUSE_SECONDS_FIRST * float(2 ** (doublings + 1)))
    return max(PAUSE_SECONDS_FIRST, answered.jitter * longest)


def _instead(dead: Delivery, now: datetime) -> Delivery | None:
    if dead.key.action != "trigger" or not dead.fallbacks:
        return None
    key = replace(dead.key, channel=dead.fallbacks[0])
    return Delivery(key, dead.severity, "open", now, now, fallbacks=dead.fallbacks[1:])
