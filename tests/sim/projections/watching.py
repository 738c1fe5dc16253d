"""Who looks at console meanwhile: an open page that asks again at each news, and a live view of the budgets."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flyball.schemas.budgets import BudgetStates
from flyball.sim.database import MemoryDatabase

SHOWN = {
    "systems": ("revisions",),
    "budgets": ("budget_states",),
    "drift": ("drift_references", "drift_reports"),
}
"""Which tables a part of a page is made of."""


class WatchedDatabase(MemoryDatabase):
    """Somebody may look at any moment, so somebody looks after every commit."""

    on_commit: Callable[[], None]

    def apply(self, writes: Mapping[tuple[str, Hashable], Any], deleted: object) -> None:
        super().apply(writes, deleted)
        self.on_commit()


@dataclass(slots=True)
class Watcher:
    """From outside of every process, so that nothing of it can go wrong: it sees what is committed."""

    database: MemoryDatabase
    page: dict[str, Sequence[Mapping[Any, Any]]] = field(default_factory=dict)
    """What was shown when there was news of it last."""
    live: dict[str, list[BudgetStates]] = field(default_factory=lambda: defaultdict(list))
    """What the live view told of each system, in its order."""
    _counts: Mapping[str, int] = field(default_factory=dict)
    _after: int = 0

    def look(self) -> None:
        counts = dict(self.database.rows("changes"))
        for fragment in SHOWN:
            if counts[fragment] != self._counts.get(fragment):
                self.page[fragment] = self.shown(fragment)
        self._counts = counts
        for change, states in self._changes():
            self._after = change
            self.live[states.system].append(states)

    def shown(self, fragment: str) -> Sequence[Mapping[Any, Any]]:
        return [dict(self.database.rows(table)) for table in SHOWN[fragment]]

    def _changes(self) -> Sequence[tuple[int, BudgetStates]]:
        """As ``Reads.budget_changes``."""
        rows = sorted(self.database.rows("budget_states").items(), key=lambda entry: (entry[1][0], entry[0]))
        return [row for _, row in rows if row[0] > self._after]
