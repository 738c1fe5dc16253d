"""The controller's state in a dictionary, one transaction after another: for properties over many interleavings."""

import copy
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from autonomy_builders import SALT

from autonomy_controller.domain.reviews import next_look
from autonomy_controller.domain.sampling import Salt
from autonomy_controller.domain.state import Action, ClassState, Review, Standing
from autonomy_controller.ports import Promotion
from flyball.store.ports import Outgoing

Key = tuple[str, str]


@dataclass
class World:
    """Everything that is stored, and what was published."""

    held: dict[Key, dict[str, ClassState]] = field(default_factory=dict)
    standing: dict[Key, Standing] = field(default_factory=dict)
    action: dict[str, Action] = field(default_factory=dict)
    review: dict[str, Review] = field(default_factory=dict)
    promotions: dict[str, Promotion] = field(default_factory=dict)
    outbox: list[Outgoing] = field(default_factory=list)
    at: datetime | None = None
    beat_at: datetime | None = None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["Memory"]:
        before = copy.copy(self.__dict__)
        kept = {name: copy.copy(value) for name, value in before.items()}
        try:
            yield Memory(self)
        except BaseException:
            self.__dict__.update(kept)
            raise


@dataclass
class Memory:
    world: World

    async def enqueue(self, messages: Sequence[Outgoing]) -> None:
        self.world.outbox = [*self.world.outbox, *messages]

    async def salt(self) -> Salt:
        return SALT

    async def classes(self, systems: Collection[Key], *, change: bool = False) -> dict[Key, dict[str, ClassState]]:
        return {key: dict(self.world.held.get(key, {})) for key in systems}

    async def save_classes(self, states: Sequence[ClassState]) -> None:
        for state in states:
            key = state.key[:2]
            self.world.held = {**self.world.held, key: {**self.world.held.get(key, {}), state.key[2]: state}}

    async def standings(self, systems: Collection[Key], *, change: bool = False) -> dict[Key, Standing]:
        return {key: self.world.standing.get(key, Standing(tenant=key[0], system=key[1])) for key in systems}

    async def save_standing(self, standing: Standing) -> None:
        self.world.standing[standing.tenant, standing.system] = standing

    async def actions(self, ids: Collection[str]) -> dict[str, Action]:
        return {key: self.world.action[key] for key in ids if key in self.world.action}

    async def peek(self, action_id: str) -> Action | None:
        return self.world.action.get(action_id)

    async def action_of_review(self, review_id: str) -> Action | None:
        found = self.world.review.get(review_id)
        return self.world.action[found.action_id] if found else None

    async def add_actions(self, actions: Sequence[Action]) -> set[str]:
        new = {action.id: action for action in actions if action.id not in self.world.action}
        self.world.action.update(new)
        return set(new)

    async def save_actions(self, actions: Sequence[Action]) -> None:
        for action in actions:
            assert not self.world.action[action.id].has_ended, "a second end"
            self.world.action[action.id] = action

    async def open_actions(self, key: Key, action_class: str | None) -> list[Action]:
        return [
            action
            for action in self.world.action.values()
            if (action.request.tenant, action.request.system) == key
            and action_class in (None, action.request.action_class)
            and action.state in ("waiting", "approved")
        ]

    async def reviews(self, ids: Collection[str]) -> dict[str, Review]:
        return {key: self.world.review[key] for key in ids if key in self.world.review}

    async def save_reviews(self, reviews: Sequence[Review]) -> None:
        self.world.review.update({review.review_id: review for review in reviews})

    async def verdicts_since(self, reviewer: str, since: datetime) -> int:
        given = [one for review in self.world.review.values() for one in review.verdicts]
        return sum(one.reviewer == reviewer and one.at > since for one in given)

    async def tick(self, now: datetime) -> datetime:
        self.world.at = max(now, self.world.at or now)
        return self.world.at

    async def beat(self, now: datetime, seconds_min: float) -> bool:
        if self.world.beat_at is not None and now < self.world.beat_at:
            return False
        self.world.beat_at = now + timedelta(seconds=seconds_min)
        return True

    async def systems_due(self, now: datetime, rows_max: int) -> list[Key]:
        return []

    async def due(self, now: datetime, rows_max: int) -> tuple[list[str], list[tuple[str, str]]]:
        late = [action.id for action in self.world.action.values() if action.due_at and action.due_at <= now]
        looks = [(review, next_look(review)) for review in self.world.review.values()]
        return late, [(review.action_id, review.review_id) for review, look in looks if look and look <= now]


def outbox_of(world: World, topic: str) -> list[Mapping[str, Any]]:
    import json

    return [json.loads(message.body) for message in world.outbox if message.topic == topic]
