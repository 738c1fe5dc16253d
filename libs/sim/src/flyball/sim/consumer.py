"""A member of a consumer group as aiokafka is one: it fetches, seeks and commits; a task of its own keeps it in."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

from flyball.bus.records import Record
from flyball.sim.broker import Broker, Place
from flyball.sim.group import Group, Membership
from flyball.sim.process import current_life
from flyball.store.errors import Transient

NOBODY = 0
RETRY_SECONDS = 0.2
OnAssigned = Callable[[Collection[Place]], Awaitable[None]]


class Consumer:
    """Reads one topic. ``on_assigned`` is awaited in the task of ``belong`` while records may be fetched already."""

    def __init__(self, broker: Broker, group: str, topic: str, session_seconds: float, on_assigned: OnAssigned) -> None:
        self._broker = broker
        self._group: Group = broker.group(group)
        self._topic = topic
        self._session_seconds = session_seconds
        self._on_assigned = on_assigned
        self._membership = Membership(NOBODY, 0, {})
        self._positions: dict[Place, int] = {}
        self._assigned = asyncio.Event()

    @property
    def assignment(self) -> frozenset[Place]:
        return frozenset(self._positions)

    async def belong(self) -> None:
        """Join, send heartbeats, join again when told to; never returns."""
        interval_seconds = self._session_seconds / 3
        while True:
            await self._join()
            answer = "ok"
            while answer == "ok":
                await asyncio.sleep(interval_seconds)
                answer = await self._heartbeat()
            if answer == "unknown":
                self._membership = Membership(NOBODY, 0, {})

    async def leave(self) -> None:
        """Say goodbye, so that the others need not wait for the session to end."""
        member = self._membership.member
        try:
            await self._broker.call("leave group", lambda: self._group.leave(member))
        except Transient:
            return

    async def getmany(self, wait_seconds: float, records_max: int) -> Mapping[Place, Sequence[Record]]:
        """Some records from where this consumer stands, which moves behind them; none while nothing is assigned."""
        if not self._positions:
            await self._wait_for_assignment(wait_seconds)
            return {}
        membership, asked = self._membership, dict(self._positions)
        try:
            fetched = await self._broker.fetch(asked, records_max, wait_seconds)
        except Transient:
            await asyncio.sleep(RETRY_SECONDS)
            return {}
        mine = {
            place: records
            for place, records in fetched.items()
            # What a rebalance or a seek has overtaken is not handed out.
            if membership is self._membership and self._positions.get(place) == asked[place]
        }
        for place, records in mine.items():
            self._positions[place] = records[-1].offset + 1
        return mine

    def seek(self, place: Place, offset: int) -> None:
        self._positions[place] = offset

    async def commit(self) -> None:
        """Commit where this consumer stands, whatever became of the records. Failure is of no consequence."""
        membership, offsets = self._membership, dict(self._positions)
        try:
            await self._broker.call(
                "commit offsets", lambda: self._group.commit(membership.member, membership.generation, offsets)
            )
        except Transient:
            return

    async def _join(self) -> None:
        self._positions = {}
        self._assigned.clear()
        life = current_life()
        name = life.process.name if life else "harness"
        member = self._membership.member
        while True:
            try:
                self._membership = await self._broker.call(
                    f"join for {self._topic}", lambda: self._joined(member, name)
                )
                break
            except Transient:
                await asyncio.sleep(RETRY_SECONDS)
        self._positions = dict(self._membership.offsets)
        if self._positions:
            self._assigned.set()
        try:
            await self._on_assigned(list(self._positions))
        except Exception as error:  # noqa: BLE001 - aiokafka logs what a listener raises and goes on
            self._broker.world.note(name, f"listener failed: {error}")

    async def _joined(self, member: int, name: str) -> Membership:
        return await self._group.join(member, name, self._topic, self._session_seconds)

    async def _heartbeat(self) -> str:
        membership = self._membership
        try:
            answer: str = await self._broker.call(
                "heartbeat", lambda: self._group.heartbeat(membership.member, membership.generation)
            )
        except Transient:
            return "ok"
        return answer

    async def _wait_for_assignment(self, wait_seconds: float) -> None:
        try:
            await asyncio.wait_for(self._assigned.wait(), wait_seconds)
        except TimeoutError:
            return
