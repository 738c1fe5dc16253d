"""``budget.states.v1``: how much of each budget is left. One record per system holds all of them."""

from pydantic import Field

from flyball.schemas.base import Count, Event, Name, ShortText, UtcTime

NO_DATA = "no_data"
INSUFFICIENT = "insufficient_data"
GREEN, YELLOW, RED = "green", "yellow", "red"
VELOCITY, CAUTION, FREEZE = "velocity", "caution", "freeze"


class LedgerPosition(Event):
    """The entry that a statement rests on: its sequence in the budget's chain and its hash."""

    sequence: Count
    hash: str = Field(pattern=r"^[0-9a-f]{64}$")


class BudgetStatement(Event):
    """One budget, in points: millionths of a scored event, or of a second. ``available`` may be negative."""

    dimension: Name
    zone: ShortText
    target_ppm: int
    weight_milli: int
    granted: Count
    burned: Count
    available: int
    remaining_ppm: int | None
    """available / granted in millionths, rounded down; None while nothing was granted."""
    policy_version: Count
    zone_since: UtcTime | None
    entry: LedgerPosition | None


class BudgetStates(Event):
    """All budgets of one system after the summary that caused this record. The system's state is the worst of them."""

    tenant: Name
    system: Name
    as_of: UtcTime
    cause: ShortText
    worst: ShortText
    budgets: tuple[BudgetStatement, ...]
