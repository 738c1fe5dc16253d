"""What comes in: records of one partition, in order, and the batches that are dealt with as one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID, uuid5

from flyball.store.ports import Move

POSITION_NAMESPACE = UUID("6f1b3f0a-6f2c-5d0e-9d7e-2f7d8c1b4a55")
"""Namespace of ids that are derived from a place in a topic."""


class Record(NamedTuple):
    """One record as the broker gave it. ``timestamp_ms`` is the broker's append time where the topic has it so."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]

    @property
    def recorded_at(self) -> datetime:
        return datetime.fromtimestamp(self.timestamp_ms / 1000, UTC)

    @property
    def id(self) -> UUID:
        """The publisher's id (header ``ce_id``) if it is a UUID, else one derived from the record's position."""
        for name, value in self.headers:
            if name == "ce_id" and value is not None:
                try:
                    return UUID(value.decode("ascii"))
                except ValueError:
                    break
        return id_of_position(self.topic, self.partition, self.offset)


def id_of_position(topic: str, partition: int, offset: int) -> UUID:
    """The id of a record whose publisher gave it none: the same whenever that place is read."""
    return uuid5(POSITION_NAMESPACE, f"{topic}/{partition}/{offset}")


@dataclass(frozen=True, slots=True)
class Batch:
    """Records of one partition. Its effect moves the position from ``from_offset`` to ``next_offset``.

    ``from_offset`` is the stored position, not the first record's offset: compaction and retention leave gaps.
    """

    topic: str
    partition: int
    from_offset: int
    records: Sequence[Record]

    @property
    def next_offset(self) -> int:
        return self.records[-1].offset + 1

    @property
    def move(self) -> Move:
        return Move(self.partition, self.from_offset, self.next_offset)

    @property
    def recorded_at(self) -> datetime:
        """Append time of the last record."""
        return self.records[-1].recorded_at
