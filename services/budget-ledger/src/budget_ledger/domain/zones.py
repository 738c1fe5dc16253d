"""Zones and modes with hysteresis: bad news needs evidence, good news needs time."""

from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction

from budget_ledger.domain.budget import Budget
from budget_ledger.domain.policy import MILLION, Policy, Thresholds
from flyball.schemas.budgets import INSUFFICIENT, NO_DATA
from flyball.stats.proportions import clopper_pearson_lower, kish_effective_size

CONFIDENCE = 0.8
RECOVERY = Fraction(5, 100)
RECOVERY_TIME = timedelta(hours=24)
WORST = 2


def with_zone(budget: Budget, policy: Policy, now: datetime) -> Budget:
    """The budget in the zone that its window calls for.

    A worse zone is entered when the estimate and its 80 % bound agree, or when the budget is gone. It is left when
    the estimate has been five points into a better one for 24 hours.
    """
    if budget.window.granted <= 0:
        return _moved(budget, NO_DATA, now)
    if budget.window.events < policy.events_min:
        return _moved(budget, INSUFFICIENT, now)
    zones = policy.thresholds.zones
    remaining = Fraction(budget.window.granted - budget.window.burned, budget.window.granted)
    called_for = _rank_called_for(budget, remaining, policy)
    if budget.zone not in zones or called_for > zones.index(budget.zone):
        return _moved(budget, zones[called_for], now)
    return _improved(budget, remaining, policy, now)


def rank(remaining: Fraction, thresholds: Thresholds) -> int:
    """0 for the best zone, 2 for the worst. The edges themselves belong to the middle one."""
    if remaining > Fraction(thresholds.good_percent, 100):
        return 0
    return 1 if remaining >= Fraction(thresholds.poor_percent, 100) else WORST


def _rank_called_for(budget: Budget, remaining: Fraction, policy: Policy) -> int:
    if budget.window.burned >= budget.window.granted:
        return WORST
    return min(rank(remaining, policy.thresholds), rank(_remaining_bound(budget, remaining, policy), policy.thresholds))


def _remaining_bound(budget: Budget, remaining: Fraction, policy: Policy) -> Fraction:
    """Upper 80 % bound of the remaining part, from the lower bound of the bad share."""
    sums = budget.window
    if sums.weight == 0:
        # Minutes are counted, not sampled: there is nothing to be unsure of.
        return remaining
    size = kish_effective_size(sums.weight, sums.squared_weight)
    bad_share = clopper_pearson_lower(size * sums.bad_weight / sums.weight, size, CONFIDENCE)
    return 1 - Fraction(bad_share) * Fraction(policy.weight_milli, 1_000) / (1 - Fraction(policy.target_ppm, MILLION))


def _improved(budget: Budget, remaining: Fraction, policy: Policy, now: datetime) -> Budget:
    zones = policy.thresholds.zones
    better = rank(remaining - RECOVERY, policy.thresholds)
    if better >= zones.index(budget.zone):
        return replace(budget, improving_since=None)
    since = budget.improving_since or now
    if now - since >= RECOVERY_TIME:
        return _moved(budget, zones[better], now)
    return replace(budget, improving_since=since)


def _moved(budget: Budget, zone: str, now: datetime) -> Budget:
    if zone == budget.zone and budget.zone_since is not None:
        return replace(budget, improving_since=None)
    return replace(budget, zone=zone, zone_since=now, improving_since=None)
