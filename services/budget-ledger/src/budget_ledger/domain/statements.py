"""What the ledger says to others: statements of budgets, and when there is news."""

from collections.abc import Mapping
from datetime import datetime

from budget_ledger.domain.budget import Budget
from budget_ledger.domain.policy import Policy
from flyball.schemas.budgets import NO_DATA, BudgetStatement, BudgetStates, LedgerPosition

RANKS = {"red": 2, "freeze": 2, "yellow": 1, "caution": 1, "green": 0, "velocity": 0}


def statement(budget: Budget, policy: Policy) -> BudgetStatement:
    position = None
    if budget.chain.sequence:
        position = LedgerPosition(sequence=budget.chain.sequence, hash=budget.chain.hash)
    return BudgetStatement(
        dimension=budget.id.dimension,
        zone=budget.zone,
        target_ppm=policy.target_ppm,
        weight_milli=policy.weight_milli,
        granted=budget.window.granted,
        burned=budget.window.burned,
        available=budget.window.granted - budget.window.burned,
        remaining_ppm=budget.remaining_ppm,
        policy_version=policy.version,
        zone_since=budget.zone_since,
        entry=position,
    )


def states(
    tenant: str, system: str, budgets: Mapping[str, Budget], policies: Mapping[str, Policy], cause: str, as_of: datetime
) -> BudgetStates:
    """All budgets of a system. Its state is the worst of those that are known; no data is a state of its own."""
    known = [budget.zone for budget in budgets.values() if budget.zone in RANKS]
    return BudgetStates(
        tenant=tenant,
        system=system,
        as_of=as_of,
        cause=cause,
        worst=max(known, key=RANKS.__getitem__) if known else NO_DATA,
        budgets=tuple(statement(budgets[name], policies[name]) for name in sorted(budgets)),
    )


def is_news(before: Budget, after: Budget) -> bool:
    """A new zone, a new rule, or another whole percent of the budget left."""
    return (
        before.zone != after.zone
        or before.policy_version != after.policy_version
        or _percent(before) != _percent(after)
    )


def _percent(budget: Budget) -> int | None:
    return None if budget.remaining_ppm is None else budget.remaining_ppm // 10_000
