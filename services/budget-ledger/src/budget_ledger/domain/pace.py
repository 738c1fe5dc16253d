"""How fast a budget is spent of late, and how it was spent over its window."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from budget_ledger.domain.budget import Budget, Sums
from budget_ledger.domain.policy import Policy

RECENT = timedelta(hours=2)
"""The hour under way and the one before: between one and two hours of traffic."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What was granted and burned in the ``seconds`` up to now, in points.

    ``burn_rate`` is burned / granted: 1 spends the budget exactly over its window. None where nothing was scored.
    ``exhausted_at`` is None where it is not running out at this pace.
    """

    seconds: int
    granted: int
    burned: int
    burn_rate: float | None
    exhausted_at: datetime | None


def pace(budget: Budget, policy: Policy, hours: Mapping[datetime, Sums], as_of: datetime) -> Pace:
    """The pace of the hours that began less than ``RECENT`` before ``as_of``."""
    recent = {hour: sums for hour, sums in hours.items() if as_of - RECENT < hour <= as_of}
    seconds = int((as_of - min(recent)).total_seconds()) if recent else 0
    granted, burned = (sum(getattr(sums, name) for sums in recent.values()) for name in ("granted", "burned"))
    if policy.minute_target_ppm:
        # Time is granted as a whole: its share of the window is what these hours may spend.
        granted = int(budget.window.granted * seconds / policy.window.total_seconds())
    rate = burned / granted if granted > 0 else None
    return Pace(seconds, granted, burned, rate, _exhausted_at(budget, burned - granted, seconds, as_of))


def _exhausted_at(budget: Budget, net: int, seconds: int, as_of: datetime) -> datetime | None:
    available = budget.window.granted - budget.window.burned
    if available <= 0 or net <= 0:
        return None
    left = available * seconds / net
    return as_of + timedelta(seconds=left) if left < timedelta(days=3650).total_seconds() else None


@dataclass(frozen=True, slots=True)
class Spent:
    """Points granted and burned in the span that began at ``at``."""

    at: datetime
    granted: int
    burned: int


def thinned(spans: Iterable[Spent], points_max: int) -> list[Spent]:
    """At most ``points_max`` spans with the same sums: neighbours are added up."""
    given = sorted(spans, key=lambda span: span.at)
    size = -(-len(given) // points_max) or 1
    groups = [given[start : start + size] for start in range(0, len(given), size)]
    return [Spent(group[0].at, sum(s.granted for s in group), sum(s.burned for s in group)) for group in groups]
