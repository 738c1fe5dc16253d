"""How often somebody may try to sign in."""

from dataclasses import dataclass, field
from hashlib import sha256

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

BUCKETS = 4_096
"""Names and addresses share this many counters, so that inventing names fills no memory."""
BY_NAME = RateLimitItemPerMinute(10)
BY_ADDRESS = RateLimitItemPerMinute(60)
"""Behind a proxy all people have one address."""


@dataclass(slots=True)
class Attempts:
    """Counts of this replica, over the last minute."""

    _limiter: MovingWindowRateLimiter = field(default_factory=lambda: MovingWindowRateLimiter(MemoryStorage()))

    def allow(self, name: str, address: str) -> bool:
        """Count one try; False where there were too many."""
        by_address = self._limiter.hit(BY_ADDRESS, "address", _bucket(address))
        return self._limiter.hit(BY_NAME, "name", _bucket(name.casefold())) and by_address


def _bucket(text: str) -> str:
    return str(int.from_bytes(sha256(text.encode("utf-8", "surrogateescape")).digest()[:4]) % BUCKETS)
