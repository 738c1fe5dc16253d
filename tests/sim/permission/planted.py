"""A mistake a few lines away from the real code: an approval is looked at before its row is held."""

from collections.abc import Collection
from dataclasses import dataclass, field

from autonomy_controller.domain.state import Action
from tests.sim.permission.memory import MemoryAutonomy


@dataclass(frozen=True, slots=True)
class ConsumesTwice(MemoryAutonomy):
    """What was seen without a lock is taken for what is there: two who start at once both find it approved."""

    seen: dict[str, Action] = field(default_factory=dict)

    async def peek(self, action_id: str) -> Action | None:
        found = await MemoryAutonomy.peek(self, action_id)
        if found is not None:
            self.seen[action_id] = found
        return found

    async def actions(self, ids: Collection[str]) -> dict[str, Action]:
        if ids and set(ids) <= self.seen.keys():
            return {key: self.seen[key] for key in ids}
        return await MemoryAutonomy.actions(self, ids)
