"""What a new spec, a red budget or drift means for a system: what is noted of it, and which change its classes get."""

from collections.abc import Sequence
from datetime import datetime

from autonomy_controller.domain.changes import BudgetsRed, DriftChanged, SpecInForce
from autonomy_controller.domain.state import Standing
from flyball.schemas.budgets import RED, BudgetStates
from flyball.schemas.drift import DriftReport
from flyball.schemas.registry import SystemRevision
from flyball.schemas.telemetry import TelemetryException

EPISODES_MAX = 64
OPEN = ("suspect", "drift")
CRITICAL = "critical"
QUARANTINED, RELEASED = "feed.quarantined", "feed.released"


def in_force(revisions: Sequence[SystemRevision], now: datetime) -> SystemRevision | None:
    """The newest revision that has taken effect."""
    effective = [revision for revision in revisions if revision.effective_at <= now]
    return max(effective, key=lambda revision: revision.version, default=None)


def next_revision_at(revisions: Sequence[SystemRevision], now: datetime) -> datetime | None:
    """When the next revision takes effect; None when all have."""
    return min((revision.effective_at for revision in revisions if revision.effective_at > now), default=None)


def spec_of(revision: SystemRevision, action_class: str, standing: Standing) -> SpecInForce:
    """What a revision means for one class."""
    spec = revision.spec
    owners = (spec.owners.business, spec.owners.technical, spec.owners.operations)
    return SpecInForce(
        version=revision.version,
        declared=spec.autonomy.action_classes.get(action_class),
        owners=tuple(owner for owner in owners if owner),
        standing=standing,
    )


def with_budgets(standing: Standing, event: BudgetStates) -> tuple[Standing, BudgetsRed | None]:
    """Budgets that have become red take one level together; those that still are take none."""
    red = tuple(sorted(budget.dimension for budget in event.budgets if budget.zone == RED))
    fresh = tuple(sorted(set(red) - set(standing.red)))
    after = standing.model_copy(update={"red": red, "worst": event.worst})
    return after, BudgetsRed(dimensions=fresh) if fresh else None


def with_drift(standing: Standing, event: DriftReport) -> tuple[Standing, DriftChanged]:
    """An episode demotes once, when it becomes critical; while it is open it is an anomaly."""
    episodes = dict(standing.episodes)
    was = episodes.pop(event.episode, None)
    is_open = event.state in OPEN and event.severity not in ("none", "low")
    if is_open and len(episodes) < EPISODES_MAX:
        episodes[event.episode] = event.severity
    fell = is_open and event.state == "drift" and event.severity == CRITICAL and was != CRITICAL
    change = DriftChanged(episodes=episodes, critical=event.feature if fell else None)
    return standing.model_copy(update={"episodes": episodes}), change


def with_exception(standing: Standing, event: TelemetryException) -> tuple[Standing, None]:
    """A feed in quarantine holds promotions back; it takes nothing away, for nothing is known to be worse."""
    said = {QUARANTINED: True, RELEASED: False}.get(event.kind, standing.feed_quarantined)
    return standing.model_copy(update={"feed_quarantined": said}), None
