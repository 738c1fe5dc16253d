"""What the service needs from outside its domain."""

from collections.abc import Sequence
from typing import Protocol

from flyball.schemas.budgets import BudgetStates
from flyball.schemas.registry import SystemRegistered
from flyball.schemas.summaries import TelemetrySummary


class Rollouts(Protocol):
    """What is known of systems and their rollouts, within one transaction."""

    async def register(self, event: SystemRegistered) -> None:
        """Keep the revisions of a system's spec."""
        ...

    async def keep_budgets(self, event: BudgetStates) -> None:
        """Keep the newest states of a system's budgets."""
        ...

    async def count_traffic(self, summaries: Sequence[TelemetrySummary]) -> None:
        """Add interactions by minute and release."""
        ...
