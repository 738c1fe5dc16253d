"""CloudEvents on Kafka in both modes, written from the specification alone."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zlib import crc32

Headers = list[tuple[str, bytes]]
PARTITIONS = 12
JSON = ("content-type", b"application/json")
CLOUDEVENT = ("content-type", b"application/cloudevents+json; charset=utf-8")


@dataclass(frozen=True, slots=True)
class Content:
    """A valid event: what it says, apart from how it is written."""

    system: str
    kind: str
    id: str
    source: str
    time: datetime
    data: dict[str, Any]

    def attributes(self) -> dict[str, str]:
        """The CloudEvents context attributes."""
        return {
            "specversion": "1.0",
            "subject": self.system,
            "id": self.id,
            "source": self.source,
            "type": self.kind,
            "time": self.time.isoformat().replace("+00:00", "Z"),
        }


def structured(content: Content) -> tuple[Headers, bytes]:
    """The whole event in the body."""
    return [CLOUDEVENT], compact({**content.attributes(), "data": content.data})


def binary(content: Content) -> tuple[Headers, bytes]:
    """Attributes in headers, data in the body."""
    headers = [(f"ce_{name}", value.encode()) for name, value in content.attributes().items()]
    return [*headers, JSON], compact(content.data)


def compact(document: object) -> bytes:
    """JSON without spaces; NaN and Infinity as Python writes them."""
    return json.dumps(document, separators=(",", ":")).encode()


def partition_of(system: str) -> int:
    """Which partition agents of the load use: one for each system, by a partitioner of their own."""
    return crc32(system.encode()) % PARTITIONS
