"""What a service reads: a topic, what to do with a batch, and by which road."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic

from flyball.bus.processor import Handle
from flyball.bus.records import Record
from flyball.schemas.topics import Topic
from flyball.store.ports import Tx

IDLE_WAIT_MS: Final = 250


@dataclass(frozen=True, slots=True)
class Subscription(Generic[Tx]):
    """``hot`` topics are read with aiokafka itself, in large batches; control topics run under FastStream."""

    topic: Topic
    handle: Handle[Tx]
    hot: bool = False
    records_max: int = 500
    wait_ms: int = 50
    """How long a fetch waits for the first record, or for ``bytes_min``."""
    bytes_min: int = 1
    """Of a control topic with much traffic that nobody waits for: fewer and larger batches."""
    together: bool = False
    """All partitions of one fetch in one transaction: as many statements and commits as one partition takes.

    For control topics with much traffic, and handlers that take their locks in one order whatever records come.
    """
    lanes: int = 1
    """So many partitions of a hot topic are dealt with side by side; each takes a connection to Postgres."""
    after: Sequence[Topic] = ()
    """Control topics by which these records are judged, subscribed before this one: they are read first."""

    @property
    def broker_wait_ms(self) -> int:
        """How long the broker holds a fetch that has too little: it answers as soon as there is enough.

        Without that wait each idle consumer would ask twenty times a second, and keep an idle broker busy.
        """
        return IDLE_WAIT_MS if self.bytes_min == 1 else self.wait_ms

    def transactions(self, fetched: Mapping[int, Sequence[Record]]) -> Sequence[Mapping[int, Sequence[Record]]]:
        """What a fetch has brought, by partition, split into what one transaction applies."""
        return [fetched] if self.together else [{partition: records} for partition, records in fetched.items()]


@dataclass(frozen=True, slots=True)
class Wiring(Generic[Tx]):
    """All that a service reads and may write: its whole contract with the bus."""

    name: str
    subscriptions: Sequence[Subscription[Tx]]
    publishes: Sequence[Topic]

    def __post_init__(self) -> None:
        for number, subscription in enumerate(self.subscriptions):
            before = [other.topic for other in self.subscriptions[:number] if not other.hot]
            for topic in subscription.after:
                if topic not in before:
                    raise ValueError(f"{self.name}: subscribe to {topic.name} before {subscription.topic.name}")
