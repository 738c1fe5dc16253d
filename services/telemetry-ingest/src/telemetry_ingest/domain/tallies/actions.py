"""How actions ended."""

from collections import Counter
from dataclasses import dataclass, field

from flyball.schemas.plain import ActionEnded
from flyball.schemas.summaries import ActionStatistics

UNKNOWN = "unknown"


@dataclass(slots=True)
class ActionTally:
    executed: int = 0
    failed: Counter[str] = field(default_factory=Counter)

    def add_failed(self, event: ActionEnded) -> None:
        self.failed[event.result or UNKNOWN] += 1

    def freeze(self) -> ActionStatistics:
        return ActionStatistics.model_construct(executed=self.executed, failed=dict(sorted(self.failed.items())))
