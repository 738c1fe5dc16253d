"""Liveness is progress: a consumer that fetches nothing, or holds nothing, for too long must be restarted."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

PROGRESS_SECONDS_MAX = 60.0


@dataclass(slots=True)
class Progress:
    """When a broker last answered one consumer, and when it last held a partition (seconds of a monotonic clock)."""

    name: str
    clock: Callable[[], float] = time.monotonic
    answered_at: float = field(init=False)
    assigned_at: float = field(init=False)
    assigned: bool = False
    _answer_ms: int | None = None

    def __post_init__(self) -> None:
        self.answered_at = self.assigned_at = self.clock()

    def saw(self, *, assigned: bool, answer_ms: int | None) -> None:
        """Take note of what the consumer holds and of the time stamp of the broker's last answer to a fetch.

        Polling alone proves nothing: a client that lost its group goes on polling an empty buffer for ever.
        """
        now = self.clock()
        self.assigned = assigned
        if assigned:
            self.assigned_at = now
        if answer_ms != self._answer_ms:
            self._answer_ms = answer_ms
            self.answered_at = now

    def stalled(self) -> str | None:
        """Why this consumer must be restarted, or None."""
        now = self.clock()
        if not self.assigned and now - self.assigned_at > PROGRESS_SECONDS_MAX:
            return f"{self.name} has held no partition for {now - self.assigned_at:.0f} s"
        if now - self.answered_at > PROGRESS_SECONDS_MAX:
            return f"{self.name} has fetched nothing, not even an empty answer, for {now - self.answered_at:.0f} s"
        return None


@dataclass(slots=True)
class Health:
    """What ``/live`` and ``/ready`` answer."""

    consumers: list[Progress] = field(default_factory=list)
    started: bool = False
    stopping: bool = False

    def stalled(self) -> list[str]:
        return [reason for consumer in self.consumers if (reason := consumer.stalled())]

    def waiting_for(self) -> list[str]:
        """What keeps the service from being ready; empty when it is."""
        if self.stopping:
            return ["stopping"]
        if not self.started:
            return ["starting"]
        return [f"{c.name} holds no partition yet" for c in self.consumers if not c.assigned]
