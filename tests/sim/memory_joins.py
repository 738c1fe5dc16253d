"""The script of ``RedisJoins``, rule by rule, on a map that scripts change as one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from struct import unpack_from
from typing import Any

from flyball.sim.keeper import MemoryMap
from telemetry_ingest.domain.joins import Answer, Asked, Claimed, Found

DAY = 86_400
HEAD = 12
"""Bytes of place and recorded time."""


@dataclass(frozen=True, slots=True)
class Waiting:
    value: bytes
    labels: bytes
    days: int
    truth: bytes | None = None
    """Where the outcome stands that holds."""

    @property
    def place(self) -> bytes:
        return self.value[1:9]

    @property
    def recorded(self) -> int:
        return int.from_bytes(self.value[9:13], "big")


@dataclass(frozen=True, slots=True)
class Early:
    """A judgement that came before what it judges, and who claimed it."""

    place: bytes
    recorded: int
    days: int
    payload: bytes
    by: bytes | None = None
    is_first: bool = True

    @property
    def is_outcome(self) -> bool:
        return self.payload[:1] == b"o"


@dataclass(slots=True)
class Shelves:
    """What waits, by identity: the part of the Redis that joins use."""

    waiting: dict[bytes, Waiting] = field(default_factory=dict)
    early: dict[bytes, tuple[Early, ...]] = field(default_factory=dict)

    def answer(self, own: Asked, room: int) -> Answer:
        claimed: list[Claimed] = []
        overflowed: list[int] = []
        for number, (identity, value) in enumerate(_items(own.waiting)):
            new = Waiting(value, own.labels[value[17:25]], own.system[2][0])
            if identity not in self.waiting and len(self.waiting) >= room:
                overflowed.append(number)
            elif self.waiting.setdefault(identity, new).place != new.place:
                continue
            if identity in self.early:
                claimed += [Claimed(number, *each) for each in self._claim(identity, new)]
        return Answer(claimed, list(self._found(own)), overflowed)

    def _claim(self, identity: bytes, new: Waiting) -> Iterator[tuple[bytes, bool]]:
        early = list(self.early[identity])
        for number, judge in enumerate(early):
            if judge.by is None and _in_time(judge.recorded, new.recorded, judge.days, new.days):
                first = not judge.is_outcome or self._is_truth(identity, judge.place)
                early[number] = replace(judge, by=new.place, is_first=first)
        self.early[identity] = tuple(early)
        yield from ((judge.payload, judge.is_first) for judge in early if judge.by == new.place)

    def _is_truth(self, identity: bytes, place: bytes) -> bool:
        known = self.waiting.get(identity)
        if known is None:
            # Overflowed: it is there for those who waited, and for nobody after them.
            return not any(judge.is_outcome and judge.by for judge in self.early[identity])
        if known.truth is None:
            known = self.waiting[identity] = replace(known, truth=place)
        return known.truth == place

    def _found(self, own: Asked) -> Iterator[Found]:
        days = own.system[2][0]
        for number, (identity, rest) in enumerate(_items(own.judging)):
            place, recorded, payload = rest[:8], int.from_bytes(rest[8:HEAD], "big"), rest[HEAD:]
            early = self.early.get(identity, ())
            if place in [judge.place for judge in early]:
                continue
            known = self.waiting.get(identity)
            if known is None or not _in_time(recorded, known.recorded, days, known.days):
                self.early[identity] = (*early, Early(place, recorded, days, payload))
            else:
                first = payload[:1] != b"o" or self._is_truth(identity, place)
                yield Found(number, known.value, known.labels, first)


def _items(packed: Sequence[bytes]) -> Iterator[tuple[bytes, bytes]]:
    for item in packed:
        identity, length = unpack_from(">8sH", item)
        yield identity, item[10 : 10 + length]


def _in_time(one: int, other: int, *days: int) -> bool:
    return abs(one - other) <= min(days) * DAY


@dataclass(frozen=True, slots=True)
class MemoryJoins:
    memory: MemoryMap
    room: int = 1_000_000
    shelves_type: type[Shelves] = Shelves

    async def find(self, asked: Sequence[Asked]) -> Sequence[Answer]:
        def script(known: dict[Any, Any]) -> Sequence[Answer]:
            shelves: Shelves = known.setdefault("joins", self.shelves_type())
            return [shelves.answer(own, self.room) for own in asked]

        return await self.memory.run(f"joins of {len(asked)}", script)
