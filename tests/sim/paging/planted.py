"""A mistake a few lines away from the real code: the receipt is written first, and then it is sent."""

from flyball.bus.retry import retried
from flyball.sim.transaction import MemoryTransaction
from notifier.deliverer import Deliverer
from notifier.domain.inputs import Answered
from notifier.domain.notice import Notice
from notifier.ports import Claimed


class ReceiptBeforeSend(Deliverer[MemoryTransaction]):
    """Never sends twice; who dies in between has told nobody."""

    async def deliver(self, claimed: Claimed, notice: Notice) -> None:
        answered = Answered(claimed.delivery.key, "delivered", "202", 0.5, self.clock())
        await retried("receipt", lambda: self._receipt(claimed, answered), self.backoff, self.random)
        await self._send(claimed, notice)
