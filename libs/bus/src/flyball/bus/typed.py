"""Typed topics: decode by the topic's model, drop ids already seen, bury what cannot be read."""

import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel, ValidationError

from flyball.bus.errors import CircuitOpenError, Poison
from flyball.bus.messages import fact
from flyball.bus.records import Batch, Record
from flyball.observe.metrics import Metrics
from flyball.schemas.envelope import subject_of
from flyball.schemas.rejected import BuriedRecord, Position
from flyball.schemas.topics import Topic, dead_letters_of
from flyball.store.ports import Tx

Model = TypeVar("Model", bound=BaseModel)
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Received(Generic[Model]):
    """An event with the facts of its delivery."""

    event: Model
    id: UUID
    record: Record

    @property
    def recorded_at(self) -> datetime:
        return self.record.recorded_at


Decide = Callable[[Tx, Sequence[Received[Model]]], Awaitable[None]]


@dataclass(slots=True)
class CircuitBreaker:
    """Opens when more than ``share_max`` of the last ``window`` records would be buried."""

    window: int = 1_000
    share_max: float = 0.1
    _outcomes: deque[bool] = field(init=False)
    _counted_to: dict[tuple[str, int], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._outcomes = deque(maxlen=self.window)

    def count(self, record: Record, *, buried: bool) -> None:
        """Count a record once, however often its batch is tried. Raises ``CircuitOpenError``."""
        place = (record.topic, record.partition)
        if record.offset <= self._counted_to.get(place, -1):
            return
        self._counted_to[place] = record.offset
        self._outcomes.append(buried)
        if sum(self._outcomes) > self.window * self.share_max:
            raise CircuitOpenError(
                f"more than {self.share_max:.0%} of {self.window} records of {record.topic} cannot be read;"
                f" last at partition {record.partition} offset {record.offset}. Nothing of this batch was kept."
                " Check that this service and its publishers run compatible releases, then restart it."
            )


@dataclass(slots=True)
class TypedHandler(Generic[Tx, Model]):
    """A ``Handle`` that gives a service events instead of bytes."""

    consumer: str
    topic: Topic
    decide: Decide[Tx, Model]
    metrics: Metrics
    breaker: CircuitBreaker = field(default_factory=CircuitBreaker)
    wanted: Callable[[Record], bool] = lambda _: True
    """Records that it is not true of are not even decoded."""

    async def __call__(self, transaction: Tx, batches: Sequence[Batch]) -> None:
        records = [record for batch in batches for record in batch.records if self.wanted(record)]
        if not records:
            return
        received: dict[UUID, Received[Model]] = {}
        for record in records:
            try:
                event = self._decode(record)
            except Poison as poison:
                self.breaker.count(record, buried=True)
                await self._bury(transaction, record, poison)
            else:
                self.breaker.count(record, buried=False)
                received.setdefault(record.id, Received(event, record.id, record))
        newest = max(records, key=lambda record: record.timestamp_ms)
        fresh = await transaction.unseen(self.consumer, list(received), newest.recorded_at)
        self.metrics.redelivered.labels(self.topic.name).inc(len(received) - len(fresh))
        await self.decide(transaction, [item for identity, item in received.items() if identity in fresh])

    def _decode(self, record: Record) -> Model:
        if record.value is None:
            raise Poison("empty_body", detail="the record has no value")
        try:
            event: Model = self.topic.adapter.validate_json(record.value)
        except ValidationError as error:
            raise poison_of(error) from error
        return event

    async def _bury(self, transaction: Tx, record: Record, poison: Poison) -> None:
        logger.warning("buried %s[%d]@%d: %s", record.topic, record.partition, record.offset, poison)
        self.metrics.buried.labels(record.topic).inc()
        buried = BuriedRecord(
            reason=poison.reason,
            field=poison.field,
            detail=poison.detail[:1024],
            position=Position(topic=record.topic, partition=record.partition, offset=record.offset),
            recorded_at=record.recorded_at,
            key=record.key,
            headers=tuple(record.headers),
            body=record.value,
        )
        letter = fact(
            dead_letters_of(self.topic),
            buried,
            source=self.consumer,
            identity=record.id,
            system=subject_of(record.headers, record.value, record.key),
            time=record.recorded_at,
            key=record.key or b"",
        )
        await transaction.enqueue([letter])


def poison_of(error: ValidationError) -> Poison:
    """The first thing that is wrong, with its place."""
    first: Any = error.errors(include_url=False, include_input=False, include_context=False)[0]
    path = ".".join(str(part) for part in first["loc"])[:256] or None
    return Poison(first["type"][:64], path, first["msg"])
