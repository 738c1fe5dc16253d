"""A consumer group as Kafka's coordinator keeps it: eager rebalancing, sessions, generations, committed offsets."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flyball.sim.world import World

Place = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Membership:
    """What a member holds in one generation, and where the group had last committed."""

    member: int
    generation: int
    offsets: Mapping[Place, int]


@dataclass(slots=True)
class Member:
    id: int
    name: str
    topic: str
    session_seconds: float
    deadline: float
    joining: "asyncio.Future[Membership] | None" = None


class Group:
    """All methods run on the broker's side. A member that does not come back in time is left out, not waited for."""

    def __init__(self, world: World, name: str, partitions: Mapping[str, int]) -> None:
        self.committed: dict[Place, int] = {}
        self.generation = 0
        self._world = world
        self._name = name
        self._partitions = partitions
        self._random = world.stream(f"group {name}")
        self._members: dict[int, Member] = {}
        self._last_id = 0
        self._rebalancing = False

    def join(self, member: int, who: str, topic: str, session_seconds: float) -> "asyncio.Future[Membership]":
        """Join, or join again; the answer comes when the others have joined again too, or their sessions are over."""
        known = self._members.get(member)
        if known is None:
            self._last_id += 1
            known = Member(self._last_id, who, topic, session_seconds, self._world.loop.time() + session_seconds)
            self._members[known.id] = known
            self._watch(known)
        self._seen(known)
        answer: asyncio.Future[Membership] = self._world.loop.create_future()
        known.joining = answer
        self._rebalance()
        return answer

    def heartbeat(self, member: int, generation: int) -> str:
        """``ok``, ``rebalancing`` (join again) or ``unknown`` (join anew: the session is over)."""
        known = self._members.get(member)
        if known is None or (not self._rebalancing and generation != self.generation):
            return "unknown"
        self._seen(known)
        return "rebalancing" if self._rebalancing else "ok"

    def commit(self, member: int, generation: int, offsets: Mapping[Place, int]) -> bool:
        """Remember offsets; only a member of this generation is listened to."""
        if member not in self._members or generation != self.generation:
            return False
        self.committed.update(offsets)
        return True

    def leave(self, member: int) -> None:
        if self._members.pop(member, None) is not None:
            self._rebalance()

    def _seen(self, member: Member) -> None:
        member.deadline = self._world.loop.time() + member.session_seconds

    def _watch(self, member: Member) -> None:
        """End the session of a member that has been silent for too long."""
        now = self._world.loop.time()
        if self._members.get(member.id) is not member:
            return
        if member.joining is not None:
            self._seen(member)
        if member.deadline <= now:
            self._world.note(self._name, f"session of {member.name} is over")
            self.leave(member.id)
        else:
            self._world.outside_at(member.deadline, self._watch, member)

    def _rebalance(self) -> None:
        if not self._rebalancing:
            self._rebalancing = True
            longest = max((m.session_seconds for m in self._members.values()), default=0.0)
            self._world.outside(longest, self._complete, self.generation)
        if all(member.joining for member in self._members.values()):
            self._complete(self.generation)

    def _complete(self, generation: int) -> None:
        """Deal the partitions out to those who are here. ``generation`` says which rebalance a timer was meant for."""
        if not self._rebalancing or generation != self.generation:
            return
        self._members = {key: member for key, member in self._members.items() if member.joining}
        self._rebalancing = False
        self.generation += 1
        dealt = self._dealt()
        for member in self._members.values():
            places = dealt[member.id]
            self._world.note(self._name, f"generation {self.generation}: {member.name} holds {places}")
            offsets = {place: self.committed.get(place, 0) for place in places}
            self._seen(member)
            if member.joining and not member.joining.done():
                member.joining.set_result(Membership(member.id, self.generation, offsets))
            member.joining = None

    def _dealt(self) -> dict[int, list[Place]]:
        dealt: dict[int, list[Place]] = {key: [] for key in self._members}
        for topic in dict.fromkeys(member.topic for member in self._members.values()):
            readers: Sequence[int] = [member.id for member in self._members.values() if member.topic == topic]
            places = [(topic, partition) for partition in range(self._partitions[topic])]
            self._random.shuffle(places)
            for index, place in enumerate(places):
                dealt[readers[index % len(readers)]].append(place)
        return dealt
