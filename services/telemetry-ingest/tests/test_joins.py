"""Joins: each pair counts once, where what was judged counts, however the events are cut, ordered and repeated."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from joins_promises import JoinsPromises
from telemetry_ingest.domain.joins import Answer, Asked
from tests.sim.memory_joins import Shelves


@dataclass
class InMemory:
    room: int = 1_000_000
    shelves: Shelves = field(default_factory=Shelves)

    async def find(self, asked: Sequence[Asked]) -> Sequence[Answer]:
        return [self.shelves.answer(own, self.room) for own in asked]


class TestInMemory(JoinsPromises):
    @pytest.fixture
    def joins(self) -> InMemory:
        return InMemory()

    @pytest.fixture
    def crowded(self) -> InMemory:
        return InMemory(room=100)
