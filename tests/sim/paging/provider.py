"""PagerDuty and Slack at their worst: they take a message and do not say so, or refuse it for a while."""

from collections import Counter
from dataclasses import dataclass, field
from random import Random

from flyball.sim.network import Server
from flyball.sim.world import World
from flyball.store.errors import Transient
from notifier.domain.inputs import Action
from notifier.domain.notice import Notice
from notifier.ports import Sent

FAILS, BUSY = 0.1, 0.1
RETRY_AFTER_SECONDS = 4.0
Told = tuple[str, Action, str]
"""Key of the incident's epoch, what was said, and to whom."""


@dataclass
class Provider:
    """``told`` counts what arrived, whether or not the sender ever heard that it did."""

    world: World
    name: str
    told: Counter[Told] = field(default_factory=Counter)
    server: Server = field(init=False)
    random: Random = field(init=False)

    def __post_init__(self) -> None:
        self.server = Server(self.world, self.name)
        self.random = self.world.stream(f"answers of {self.name}")

    async def send(self, notice: Notice, address: str) -> Sent:
        del address
        try:
            sent: Sent = await self.server.call(f"{notice.action} {notice.key}", lambda: self._take(notice))
        except Transient as error:
            return Sent("failed", str(error))
        return sent

    def _take(self, notice: Notice) -> Sent:
        chance = self.random.random()
        if chance < FAILS:
            return Sent("failed", "503")
        if chance < FAILS + BUSY:
            return Sent("later", "429", RETRY_AFTER_SECONDS)
        self.told[notice.key, notice.action, notice.target] += 1
        return Sent("delivered", "202")
