"""Autonomy is a lease: how old is the controller's last sign of life, without trusting any two clocks to agree."""

from dataclasses import dataclass

CLOCK_DRIFT_MAX = 1e-3
"""Seconds per second that two clocks may move apart. A real one drifts a tenth of it at most."""
HIGH_RISK_SECONDS_MAX = 10.0
"""An older lease: what is high risk needs approval."""
ALONE_SECONDS_MAX = 60.0
"""An older lease: everything but low-risk reads is L0."""


@dataclass(slots=True)
class Lease:
    """Age of the heartbeats of one partition.

    The sender's clock and ours differ by an unknown offset. The smallest difference seen between arrival and sending is
    that offset and the quickest delivery; whatever a later heartbeat takes longer is its delay. So a backlog that
    arrives all at once, after a pause of this process or of the relay, does not look fresh.
    """

    offset: float | None = None
    heard_at: float = 0.0
    sent_at: float = 0.0

    def heard(self, sent: float, now: float) -> None:
        """A heartbeat was sent at ``sent`` (sender's clock) and read at ``now`` (ours, which counts sleep). Seconds."""
        observed = now - sent
        if self.offset is None:
            self.offset = observed
        else:
            self.offset = min(observed, self.offset + CLOCK_DRIFT_MAX * (now - self.heard_at))
        self.heard_at = now
        self.sent_at = max(self.sent_at, sent)

    def age_seconds(self, now: float) -> float:
        """Infinity before the first one."""
        if self.offset is None:
            return float("inf")
        return max(now - self.sent_at - self.offset, 0.0)
