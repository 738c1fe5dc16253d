"""Answers to the topics that agents name. Best effort, after the commit: agent.decisions.v1 is what counts.

Not by the outbox: a reply topic is an agent's, and one that does not exist would hold up everything behind it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from autonomy_controller import facts
from autonomy_controller.domain.state import Action
from flyball.bus.replies import Reply
from flyball.schemas.autonomy import ActionDecided, ActionRequested


class Sender(Protocol):
    def send(self, replies: Sequence[Reply]) -> None: ...


@dataclass(slots=True)
class ReplyDesk:
    """Sends what is committed. An answer that nobody waits for any more is dropped."""

    sender: Sender
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    late: int = 0
    """Answers that came after their deadline and were not sent."""

    def answer(self, requests: Sequence[ActionRequested], stored: Mapping[str, Action]) -> None:
        now = self.clock()
        asking = [request for request in requests if request.reply_topic is not None]
        in_time = [request for request in asking if request.deadline > now]
        self.late += len(asking) - len(in_time)
        self.sender.send([reply(request, stored[request.action_id].decided) for request in in_time])


def reply(request: ActionRequested, decided: ActionDecided) -> Reply:
    """The stored answer, addressed to whoever asks now."""
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
