"""Agents: each action is tried by two workers at once, and at most one of them may ever run it."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from random import Random
from typing import Any
from uuid import uuid4

from tests.chaos.broker import Publisher
from tests.chaos.journal import Journal
from tests.chaos.loop.desk import Desk
from tests.chaos.loop.wishes import SYSTEM, Wish, report

ACTIONS = "agent.actions.v1"
POLL_SECONDS = 0.5
WORKERS = 2
ENDS = {"executed", "denied", "expired", "failed"}
IN_DOUBT_POLLS = 3


@dataclass(slots=True)
class Agents:
    """``wins``: how many workers were told to run an action."""

    journal: Journal
    desk: Desk
    publisher: Publisher
    random: Random
    wins: Counter[str] = field(default_factory=Counter)
    reported: dict[str, str] = field(default_factory=dict)
    _in_doubt: Counter[str] = field(default_factory=Counter)

    async def publish(self, wishes: Sequence[Wish], seconds: float) -> None:
        """Spread evenly over the time."""
        for wish in wishes:
            self._put(wish.body)
            await asyncio.sleep(seconds / len(wishes))
        await self.publisher.flush()

    async def work(self, wanted: set[str], seconds_max: float) -> None:
        """Start what may run and report it, until every wanted action has ended. AssertionError at the deadline."""
        async with asyncio.timeout(seconds_max):
            while True:
                seen = await self.desk.pages("/v1/actions", {"system": SYSTEM})
                if seen is not None:
                    if wanted <= {item["action_id"] for item in seen if item["state"] in ENDS}:
                        return
                    await asyncio.gather(*(self._step(item) for item in seen))
                await asyncio.sleep(POLL_SECONDS)

    async def _step(self, item: dict[str, Any]) -> None:
        action_id, state = item["action_id"], item["state"]
        if action_id in self.reported:
            return
        if state == "allowed":
            self._report(action_id, "executed")
        elif state == "approved":
            await self._race(action_id, item["decision"])
        elif state == "started":
            # The answer to the one who started it was lost, unless it is still on its way.
            self._in_doubt[action_id] += 1
            if self._in_doubt[action_id] > IN_DOUBT_POLLS:
                self._report(action_id, "failed")

    async def _race(self, action_id: str, decision: dict[str, Any]) -> None:
        body = {"digest": decision["digest"], "policy_version": decision["policy_version"]}
        path = f"/v1/actions/{action_id}/start"
        answers = await asyncio.gather(*(self.desk.ask("POST", path, json=body) for _ in range(WORKERS)))
        self.wins[action_id] += sum(answer is not None and answer.status_code == HTTPStatus.OK for answer in answers)
        if self.wins[action_id]:
            self._report(action_id, "executed")

    def _report(self, action_id: str, end: str) -> None:
        self.reported[action_id] = end
        for _ in range(self.random.choice((1, 1, 2))):
            self._put(report(action_id, end))

    def _put(self, body: bytes) -> None:
        headers = [("ce_id", str(uuid4()).encode())]
        assert self.publisher.put(ACTIONS, -1, SYSTEM.encode(), body, headers), "the publisher's queue is full"
