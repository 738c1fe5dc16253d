"""Liveness is progress: a consumer that has not polled, or holds nothing, for too long must be restarted."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

PROGRESS_SECONDS_MAX = 60.0


@dataclass(slots=True)
class Progress:
    """When one consumer last polled and last held a partition (seconds of a monotonic clock)."""

    name: str
    clock: Callable[[], float] = time.monotonic
    polled_at: float = field(init=False)
    assigned_at: float = field(init=False)
    assigned: bool = False

    def __post_init__(self) -> None:
        self.polled_at = self.assigned_at = self.clock()

    def polled(self, *, assigned: bool) -> None:
        self.polled_at = self.clock()
        self.assigned = assigned
        if assigned:
            self.assigned_at = self.polled_at

    def stalled(self) -> str | None:
        """Why this consumer must be restarted, or None."""
        now = self.clock()
        if now - self.polled_at > PROGRESS_SECONDS_MAX:
            return f"{self.name} has not polled for {now - self.polled_at:.0f} s"
        if now - self.assigned_at > PROGRESS_SECONDS_MAX:
            return f"{self.name} has held no partition for {now - self.assigned_at:.0f} s"
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
