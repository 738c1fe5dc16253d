"""What a service reads: a topic, what to do with a batch, and by which road."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic

from flyball.bus.processor import Handle
from flyball.schemas.topics import Topic
from flyball.store.ports import Tx


@dataclass(frozen=True, slots=True)
class Subscription(Generic[Tx]):
    """``hot`` topics are read with aiokafka itself, in large batches; control topics run under FastStream."""

    topic: Topic
    handle: Handle[Tx]
    hot: bool = False
    records_max: int = 500
    wait_ms: int = 50
    """How long a fetch waits for the first record."""
    at_once: int = 1
    """So many partitions of a control topic are dealt with side by side; each takes a connection to Postgres."""
    after: Sequence[Topic] = ()
    """Control topics by which these records are judged, subscribed before this one: they are read first."""


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
