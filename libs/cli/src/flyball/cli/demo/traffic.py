"""Sends what the cast does, twice a second, each in its dialect; and counts beside the system that is being shown."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx

from flyball.bus.producer import KafkaPublisher
from flyball.cli.demo.pointer import read_route
from flyball.cli.demo.story import BILLING, TICK, Sent, Story
from flyball.schemas.topics import AGENT_EVENTS
from flyball.store.ports import Outgoing
from flyball.store.redis import RedisClient

VERDICTS = ("counted", "duplicates", "rejected")
TOTAL_OF = {"counted": "counted", "duplicate": "duplicates", "rejected": "rejected"}
NDJSON = {"content-type": "application/x-ndjson"}
BEHIND_MAX = 2_000
"""Events that were sent and not counted yet: some ten seconds of them."""


@dataclass(slots=True)
class Recount:
    """What was sent, counted by whoever sent it."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)

    def add(self, sent: Iterable[Sent]) -> None:
        for one in sent:
            self.counts.setdefault(one.system, Counter())[TOTAL_OF[one.verdict]] += 1

    @property
    def published(self) -> int:
        return sum(counts.total() for counts in self.counts.values())

    def equals(self, totals: Mapping[str, Mapping[str, int]]) -> bool:
        """Exact, system by system."""
        return totals.keys() == self.counts.keys() and all(
            totals[system][verdict] == counts[verdict] for system, counts in self.counts.items() for verdict in VERDICTS
        )


@dataclass(slots=True)
class Traffic:
    story: Story
    publisher: KafkaPublisher
    agents: httpx.AsyncClient
    """With the token of an agent, for the one that has no Kafka."""
    redis: RedisClient
    totals: Callable[[], Awaitable[Mapping[str, Mapping[str, int]]]]
    """What the system that is being shown has counted."""
    recount: Recount = field(default_factory=Recount)
    drifted: bool = False
    """Whether the fraud model's data have changed."""
    ended: bool = False
    """Set from outside: what was begun is sent whole, or the recount would not know."""

    async def run(self) -> None:
        clock = asyncio.get_running_loop()
        due = clock.time()
        while not self.ended:
            # On a slow machine there is less to see, but not later and later: what is told is of the last seconds.
            if await self._behind() < BEHIND_MAX:
                route = await read_route(self.redis, BILLING)
                await self._send(self.story.tick(datetime.now(UTC), route, drifted=self.drifted))
            due = max(due + TICK.total_seconds(), clock.time())
            await asyncio.sleep(due - clock.time())

    async def _behind(self) -> int:
        return self.recount.published - sum(item["published"] for item in (await self.totals()).values())

    async def _send(self, sent: Sequence[Sent]) -> None:
        records = [
            Outgoing(AGENT_EVENTS.name, one.system.encode(), one.headers, one.body)
            for one in sent
            if one.dialect != "http"
        ]
        posted = b"\n".join(one.body for one in sent if one.dialect == "http")
        self.recount.add(sent)
        await self.publisher.publish(records)
        (await self.agents.post("/v1/events", content=posted, headers=NDJSON)).raise_for_status()
