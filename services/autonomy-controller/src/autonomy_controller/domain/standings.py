"""What a new spec, a red budget or drift makes of a system's classes."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from autonomy_controller.domain import classes
from autonomy_controller.domain.state import ClassState, Standing
from flyball.schemas.budgets import RED, BudgetStates
from flyball.schemas.drift import DriftReport
from flyball.schemas.guardrails import SYSTEM_WIDE
from flyball.schemas.registry import SystemRevision

Classes = Mapping[str, ClassState]
Cause = TypeVar("Cause")
Move = Callable[[Standing, Classes, Cause, datetime], tuple[Standing, Classes]]
EPISODES_MAX = 64
OPEN = ("suspect", "drift")
CRITICAL = "critical"


def registered(
    before: Classes, standing: Standing, revisions: Sequence[SystemRevision], now: datetime
) -> dict[str, ClassState]:
    """The classes under the newest revision in force: declared ones, former ones, the one for the whole system."""
    in_force = [revision for revision in revisions if revision.effective_at <= now]
    if not in_force:
        return dict(before)
    newest = max(in_force, key=lambda revision: revision.version)
    after = {}
    for name in sorted({*before, *newest.spec.autonomy.action_classes, SYSTEM_WIDE}):
        known = before.get(name)
        if known is not None and known.control.policy_version == newest.version:
            after[name] = known
            continue
        state = known or classes.undeclared(newest.spec.tenant, newest.spec.system, name, now)
        state = classes.registered(state, newest.spec, newest.version, now, is_new=known is None)
        after[name] = state if known else _as_the_others(state, standing, now)
    return after


def next_revision_at(revisions: Sequence[SystemRevision], now: datetime) -> datetime | None:
    """When the next revision takes effect; None when all have."""
    return min((revision.effective_at for revision in revisions if revision.effective_at > now), default=None)


def _as_the_others(state: ClassState, standing: Standing, now: datetime) -> ClassState:
    """A class that is new while its system is in trouble: a new name is no way out of it."""
    if standing.red:
        state = classes.demoted(state, 1, f"budget red: {', '.join(standing.red)}", now)
    if CRITICAL in standing.episodes.values():
        state = classes.demoted(state, 4, "critical drift", now)
    return classes.with_drift(state, standing.episodes.items(), now)


def with_budgets(
    standing: Standing, before: Classes, event: BudgetStates, now: datetime
) -> tuple[Standing, dict[str, ClassState]]:
    """Budgets that have become red take one level together; those that still are take none."""
    red = tuple(sorted(budget.dimension for budget in event.budgets if budget.zone == RED))
    after = dict(before)
    fresh = sorted(set(red) - set(standing.red))
    if fresh:
        reason = f"budget red: {', '.join(fresh)}"
        after = {name: classes.demoted(state, 1, reason, now) for name, state in before.items()}
    return standing.model_copy(update={"red": red, "worst": event.worst}), after


def with_drift(
    standing: Standing, before: Classes, event: DriftReport, now: datetime
) -> tuple[Standing, dict[str, ClassState]]:
    """An episode is counted at its worst, and demotes once for each new severity."""
    episodes = dict(standing.episodes)
    was = episodes.pop(event.episode, None)
    is_open = event.state in OPEN and event.severity not in ("none", "low")
    if is_open and len(episodes) < EPISODES_MAX:
        episodes[event.episode] = event.severity
    after = dict(before)
    if is_open and event.state == "drift" and event.severity == CRITICAL and was != CRITICAL:
        reason = f"critical drift of {event.feature}"
        after = {name: classes.demoted(state, 4, reason, now) for name, state in after.items()}
    after = {name: classes.with_drift(state, episodes.items(), now) for name, state in after.items()}
    return standing.model_copy(update={"episodes": episodes}), after
