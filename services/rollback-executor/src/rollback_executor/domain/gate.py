"""The deployment gate: may a release start on its way? Decided here alone, for rollouts and for whoever asks."""

from collections.abc import Iterator
from dataclasses import dataclass

from flyball.schemas.budgets import CAUTION, FREEZE, INSUFFICIENT, NO_DATA, RED, YELLOW, BudgetStates
from flyball.schemas.rollouts import RolloutPolicy
from rollback_executor.domain.rollout import EVERYTHING

WORST = frozenset({RED, FREEZE})
SLOWER = frozenset({YELLOW, CAUTION})
UNKNOWN = frozenset({NO_DATA, INSUFFICIENT})
REQUESTS_PER_SECOND_MIN = ((500, 50.0), (2_500, 5.0))
"""Below so many requests a second, a share this small or smaller tells nothing in useful time."""


def red_budgets(states: BudgetStates | None) -> tuple[str, ...]:
    """Dimensions in their worst zone."""
    return tuple(budget.dimension for budget in states.budgets if budget.zone in WORST) if states else ()


@dataclass(frozen=True, slots=True)
class GateQuestion:
    """Who wants to deploy what."""

    tenant: str
    system: str
    environment: str
    release: str
    actor: str
    policy_version: int = 0


@dataclass(frozen=True, slots=True)
class GateAnswer:
    """Every reason why it is closed, none when it is open; what should be known either way; and what it rests on."""

    reasons: tuple[str, ...]
    advice: tuple[str, ...]
    states: BudgetStates | None
    """The newest that the ledger told. It tells when there is news, so old ones are not stale ones."""

    @property
    def is_open(self) -> bool:
        return not self.reasons


def gate(states: BudgetStates | None) -> GateAnswer:
    """Closed by a budget in red or freeze, and by not knowing: no data is a reason, never a green light."""
    return GateAnswer(tuple(_against(states)), tuple(_advice(states)), states)


def _against(states: BudgetStates | None) -> Iterator[str]:
    if states is None:
        yield "no budget state is known of this system: does telemetry of it arrive?"
        return
    for budget in states.budgets:
        if budget.zone in WORST:
            yield f"the {budget.dimension} budget is in {budget.zone}"
    if states.worst == NO_DATA:
        yield "no budget of this system has data"


def _advice(states: BudgetStates | None) -> Iterator[str]:
    for budget in states.budgets if states else ():
        if budget.zone in SLOWER:
            yield f"the {budget.dimension} budget is in {budget.zone}: deploy slowly, risk nothing"
        if budget.zone in UNKNOWN:
            yield f"the {budget.dimension} budget has too little data to say anything ({budget.zone})"


def traffic_advice(requests_per_second: float | None, policy: RolloutPolicy) -> tuple[str, ...]:
    """What does not forbid a rollout and should be known."""
    return tuple(_traffic(requests_per_second, policy))


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
