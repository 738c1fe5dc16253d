"""Answers to the topics that agents name. Best effort, after the commit: agent.decisions.v1 is what counts.

Not by the outbox: a reply topic is an agent's, and one that does not exist would hold up everything behind it.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from autonomy_controller import facts
from flyball.bus.replies import Reply, ReplySender
from flyball.schemas.autonomy import ActionDecided, ActionRequested

AT_ONCE = 500
UNCOMMITTED_SECONDS = 0.005
Committed = Callable[[Sequence[str]], Awaitable[Mapping[str, ActionDecided]]]
"""The committed decisions among these action ids."""
logger = logging.getLogger(__name__)


@dataclass(slots=True)
class ReplyDesk:
    """Requests whose answers are still to be sent. The oldest goes when it is full: no answer means no."""

    waiting_max: int
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    _waiting: deque[ActionRequested] = field(init=False)
    _any: asyncio.Event = field(default_factory=asyncio.Event)
    late: int = 0
    """Answers that came too late for anybody to use, and were not sent."""

    def __post_init__(self) -> None:
        self._waiting = deque(maxlen=self.waiting_max)

    def expect(self, requests: Sequence[ActionRequested]) -> None:
        asking = [request for request in requests if request.reply_topic is not None]
        self._waiting.extend(asking)
        if asking:
            self._any.set()

    async def run(self, committed: Committed, sender: ReplySender) -> None:
        """Send until cancelled."""
        while True:
            await self._any.wait()
            self._any.clear()
            while self._waiting:
                if not await self.send_some(committed, sender):
                    await asyncio.sleep(UNCOMMITTED_SECONDS)

    async def send_some(self, committed: Committed, sender: ReplySender) -> int:
        """Answer what is committed; what is not yet stays until its deadline. Returns how many were answered."""
        taken = [self._waiting.popleft() for _ in range(min(len(self._waiting), AT_ONCE))]
        now = self.clock()
        in_time = [request for request in taken if request.deadline > now]
        self.late += len(taken) - len(in_time)
        decided = await committed([request.action_id for request in in_time])
        replies = [_reply(request, decided[request.action_id]) for request in in_time if request.action_id in decided]
        self._waiting.extend(request for request in in_time if request.action_id not in decided)
        sender.send(replies)
        return len(replies)


def _reply(request: ActionRequested, decided: ActionDecided) -> Reply:
    told = facts.decided(decided)
    correlation = request.correlation_id or request.action_id
    return Reply(
        topic=request.reply_topic or "",
        partition=request.reply_partition,
        key=told.key,
        headers=(*told.headers, ("correlation_id", correlation.encode())),
        body=told.body,
        deadline=request.deadline,
    )
