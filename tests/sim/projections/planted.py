"""Mistakes a few lines away from the real code: a number without its row, and news before there is any."""

from dataclasses import dataclass

from flyball.sim.session import Session
from tests.sim.projections.memory import ONLY_ROW, MemoryChanges, MemoryLiveBudgets


@dataclass(frozen=True, slots=True)
class NumberFromSequence(MemoryLiveBudgets):
    """Takes the next number as a sequence gives it, and holds nothing: 8 may be committed before 7."""

    async def next_change(self) -> int:
        async def effect(session: Session) -> int:
            rows = session.database.rows("budget_changes")
            rows[ONLY_ROW] += 1
            return int(rows[ONLY_ROW])

        return await self.transaction.statement("next value of a sequence", effect)


@dataclass(frozen=True, slots=True)
class NotesAtOnce(MemoryChanges):
    """News in a transaction of its own: who asks again before the other one is committed finds what was there."""

    async def note(self, fragment: str) -> None:
        async def effect(session: Session) -> None:
            session.database.rows("changes")[fragment] += 1

        await self.transaction.statement(f"news of {fragment}", effect)
