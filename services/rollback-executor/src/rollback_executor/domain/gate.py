"""May a rollout start? Every reason against it, and what the proposer should know."""

from collections.abc import Iterator

from flyball.schemas.budgets import FREEZE, INSUFFICIENT, NO_DATA, RED, BudgetStates
from flyball.schemas.rollouts import RolloutPolicy
from rollback_executor.domain.rollout import EVERYTHING

WORST = frozenset({RED, FREEZE})
UNKNOWN = frozenset({NO_DATA, INSUFFICIENT})
REQUESTS_PER_SECOND_MIN = ((500, 50.0), (2_500, 5.0))
"""Below so many requests a second, a share this small or smaller tells nothing in useful time."""


def red_budgets(states: BudgetStates | None) -> tuple[str, ...]:
    """Dimensions in their worst zone."""
    return tuple(budget.dimension for budget in states.budgets if budget.zone in WORST) if states else ()


def reasons_against(states: BudgetStates | None) -> list[str]:
    """Why a rollout may not start; empty when it may. No data is a reason, never a green light."""
    if states is None:
        return ["no budget state is known of this system: does telemetry of it arrive?"]
    reasons = [
        f"the {budget.dimension} budget is in {budget.zone}" for budget in states.budgets if budget.zone in WORST
    ]
    if states.worst == NO_DATA:
        reasons.append("no budget of this system has data")
    return reasons


def advice(states: BudgetStates | None, requests_per_second: float | None, policy: RolloutPolicy) -> list[str]:
    """What does not forbid a rollout and should be known."""
    return [*_unknown(states), *_traffic(requests_per_second, policy)]


def _unknown(states: BudgetStates | None) -> Iterator[str]:
    for budget in states.budgets if states else ():
        if budget.zone in UNKNOWN:
            yield f"the {budget.dimension} budget has too little data to say anything ({budget.zone})"


def _traffic(requests_per_second: float | None, policy: RolloutPolicy) -> Iterator[str]:
    if requests_per_second is None:
        yield "no traffic was seen in the last 10 minutes: no share tells anything"
        return
    for share in policy.steps_basis_points:
        needed = next((rate for limit, rate in REQUESTS_PER_SECOND_MIN if share <= limit), 0.0)
        if share < EVERYTHING and requests_per_second < needed:
            yield (
                f"{share / 100:g} % of {requests_per_second:.1f} requests/s is little:"
                f" it takes {needed:g} requests/s; begin with 50 % or with shadow"
            )
