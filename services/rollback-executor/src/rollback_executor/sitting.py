"""All watched rollouts of one system in one transaction: inputs go in one by one, everything is saved at the end."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Generic

from flyball.store.ports import Tx
from rollback_executor.domain.decide import decide
from rollback_executor.domain.facts import Fact, RolledBackByItself
from rollback_executor.domain.inputs import Barred, Input
from rollback_executor.messages import messages_of
from rollback_executor.ports import Rollouts, Tracked


@dataclass(slots=True)
class _Place:
    """One rollout with what it was given and what followed."""

    tracked: Tracked
    inputs: list[Input] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    is_touched: bool = False


@dataclass(slots=True)
class Sitting(Generic[Tx]):
    """The system is locked for as long as the transaction lasts.

    One input is given to all rollouts before the next, and an automatic rollback bars the others before anything else
    is decided: so no batching changes which of two rollouts goes back by itself.
    """

    transaction: Tx
    rollouts: Rollouts
    _places: dict[str, _Place] = field(default_factory=dict)

    def seat(self, tracked: Sequence[Tracked]) -> "Sitting[Tx]":
        for one in tracked:
            self._places.setdefault(one.rollout.id, _Place(one))
        return self

    def __iter__(self) -> Iterator[Tracked]:
        return iter([place.tracked for place in self._places.values()])

    def find(self, rollout_id: str) -> Tracked | None:
        place = self._places.get(rollout_id)
        return place.tracked if place else None

    def tick(self, rollout_id: str, at: datetime) -> None:
        """Remember when somebody last looked."""
        place = self._places[rollout_id]
        place.tracked, place.is_touched = replace(place.tracked, ticked_at=at), True

    async def give(self, rollout_id: str, given: Input) -> Tracked:
        place = self._places[rollout_id]
        rollout, facts = decide(place.tracked.rollout, given, place.tracked.policy)
        place.tracked = replace(place.tracked, rollout=rollout)
        place.inputs.append(given)
        place.facts += facts
        # After each input: an audit record names the journal up to the input that caused it.
        await self.transaction.enqueue(messages_of(rollout, place.tracked.policy, facts))
        for fact in facts:
            if isinstance(fact, RolledBackByItself):
                for other in [name for name in self._places if name != rollout_id]:
                    await self.give(other, Barred(until=fact.until, at=fact.at))
        return place.tracked

    async def give_all(self, given: Input) -> None:
        for rollout_id in list(self._places):
            await self.give(rollout_id, given)

    async def save(self, at: datetime) -> None:
        for place in self._places.values():
            if place.inputs or place.is_touched:
                await self.rollouts.save(place.tracked, place.inputs, place.facts, at)
