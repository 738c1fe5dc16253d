"""How a figure came about, in words and numbers."""

from budget_ledger.domain.budget import Budget
from budget_ledger.domain.policy import MILLION, Policy
from flyball.schemas.budgets import INSUFFICIENT


def formula(budget: Budget, policy: Policy) -> str:
    """The arithmetic behind the remaining part, with the numbers in it."""
    sums = budget.window
    if sums.granted <= 0:
        return "no data: nothing was scored yet, so nothing was granted"
    if budget.zone == INSUFFICIENT:
        return f"insufficient data: {sums.events} scored so far, {policy.events_min} are needed to say anything"
    remaining = 100 * (sums.granted - sums.burned) / sums.granted
    target, weight = policy.target_ppm / 10_000, policy.weight_milli / 1_000
    tightened = 100 - (100 - target) / weight
    scored = f"{sums.bad} bad of {sums.events} {'minutes' if policy.minute_target_ppm else 'events'} in the window"
    return (
        f"remaining = (granted - burned) / granted = ({sums.granted} - {sums.burned}) / {sums.granted}"
        f" = {remaining:.1f} %; {scored}; target {target:g} %, weight {weight:g}"
        f" (so in effect {tightened:g} %); 1,000,000 points are one {_unit(policy)}"
    )


def _unit(policy: Policy) -> str:
    return "second" if policy.minute_target_ppm else "event"


def burn_rate(budget: Budget, policy: Policy) -> float | None:
    """Share of bad events / (1 - T): 1 spends the budget exactly over its window. None without data."""
    if budget.window.events == 0:
        return None
    return budget.window.bad / budget.window.events / (1 - policy.target_ppm / MILLION)
