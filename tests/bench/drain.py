"""The ceilings, in a process of their own: read a topic from its beginning with aiokafka and decode each record.

``python -m tests.bench.drain HOST:PORT decode|validate|records COUNT`` prints the rate as JSON.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition
from pydantic import TypeAdapter

from flyball.bus.header_names import as_records, tolerate_any_header_name
from flyball.bus.hot import FETCH_BYTES_MAX, PARTITION_BYTES_MAX
from flyball.schemas.native import AgentEvent
from flyball.schemas.topics import AGENT_EVENTS

_validated = TypeAdapter[AgentEvent](AgentEvent).validate_json
RECORDS_MAX = 5_000
WAIT_MS = 50


def decode(record: Any) -> object:
    return orjson.loads(record.value)


def validate(record: Any) -> object:
    return _validated(record.value)


def nothing(record: Any) -> object:
    return record


WORK: dict[str, Callable[[Any], object]] = {"decode": decode, "validate": validate, "records": nothing}
"""``records`` is no ceiling: it is ingest's own way to drain the topic."""


def client_of(bootstrap: str, work: Callable[[Any], object]) -> AIOKafkaConsumer:
    ours: dict[str, Any] = {"key_deserializer": as_records} if work is nothing else {}
    return AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        group_id=None,
        enable_auto_commit=False,
        fetch_max_bytes=FETCH_BYTES_MAX,
        max_partition_fetch_bytes=PARTITION_BYTES_MAX,
        fetch_max_wait_ms=WAIT_MS,
        **ours,
    )


async def drain(bootstrap: str, work: Callable[[Any], object], count: int) -> dict[str, float]:
    """Records, seconds and processor seconds from the first answer of the broker to the last."""
    if work is nothing:
        tolerate_any_header_name()
    consumer = client_of(bootstrap, work)
    await consumer.start()
    try:
        places = [TopicPartition(AGENT_EVENTS.name, number) for number in range(AGENT_EVENTS.partitions)]
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        done = first = 0
        begun = worked = 0.0
        while done < count:
            for records in (await consumer.getmany(timeout_ms=WAIT_MS, max_records=RECORDS_MAX)).values():
                for record in records:
                    work(record)
                done += len(records)
            if done and not begun:
                first, begun, worked = done, time.monotonic(), time.process_time()
        return {
            "count": done - first,
            "seconds": time.monotonic() - begun,
            "cpu_seconds": time.process_time() - worked,
        }
    finally:
        await consumer.stop()


if __name__ == "__main__":
    print(json.dumps(asyncio.run(drain(sys.argv[1], WORK[sys.argv[2]], int(sys.argv[3])))))
