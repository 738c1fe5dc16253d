"""The ceilings, in a process of their own: read a topic from its beginning with aiokafka and decode each record.

``python -m tests.bench.drain HOST:PORT WORK COUNT`` prints the rate of COUNT records as JSON.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from pydantic import TypeAdapter

from flyball.bus.header_names import as_records, tolerate_any_header_name
from flyball.bus.hot import FETCH_BYTES_MAX, PARTITION_BYTES_MAX
from flyball.schemas.native import AgentEvent
from flyball.schemas.topics import AGENT_EVENTS, OTLP_SPANS, Topic
from telemetry_ingest.adapters.otlp import OtlpReader
from telemetry_ingest.otlp import TICK
from tests.bench.figures import Rate

RECORDS_MAX = 5_000
WAIT_MS = 50
SECONDS_MAX = 600
NANOSECONDS = 1_000_000
DECODE: Final = "decode"
VALIDATE: Final = "validate"
RECORDS: Final = "records"
"""No ceiling: it is ingest's own way to drain the topic."""
PARSE: Final = "parse"
FACTS: Final = "facts"


class Work(NamedTuple):
    topic: Topic
    of: Callable[[Any], object]


def works() -> dict[str, Work]:
    """What can be done with each record."""
    reader, validated = OtlpReader(), TypeAdapter[AgentEvent](AgentEvent).validate_json
    return {
        DECODE: Work(AGENT_EVENTS, lambda record: orjson.loads(record.value)),
        VALIDATE: Work(AGENT_EVENTS, lambda record: validated(record.value)),
        RECORDS: Work(AGENT_EVENTS, lambda record: record),
        PARSE: Work(OTLP_SPANS, _parsed),
        FACTS: Work(OTLP_SPANS, lambda record: _facts(reader, record)),
    }


def _parsed(record: Any) -> object:
    return None if record.value == TICK else ExportTraceServiceRequest.FromString(record.value)


def _facts(reader: OtlpReader, record: Any) -> object:
    return None if record.value == TICK else reader.traces(record.value, "protobuf", record.timestamp * NANOSECONDS)


def client_of(bootstrap: str, *, ours: bool) -> AIOKafkaConsumer:
    own: dict[str, Any] = {"key_deserializer": as_records} if ours else {}
    return AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        group_id=None,
        enable_auto_commit=False,
        fetch_max_bytes=FETCH_BYTES_MAX,
        max_partition_fetch_bytes=PARTITION_BYTES_MAX,
        fetch_max_wait_ms=WAIT_MS,
        **own,
    )


async def drain(bootstrap: str, name: str, count: int) -> dict[str, float]:
    """Records, seconds and processor seconds from the first answer of the broker to the last."""
    work = works()[name]
    if name == RECORDS:
        tolerate_any_header_name()
    consumer = client_of(bootstrap, ours=name == RECORDS)
    await consumer.start()
    try:
        async with asyncio.timeout(SECONDS_MAX):
            return await _drained(consumer, work, count)
    finally:
        await consumer.stop()


async def _drained(consumer: AIOKafkaConsumer, work: Work, count: int) -> dict[str, float]:
    places = [TopicPartition(work.topic.name, number) for number in range(work.topic.partitions)]
    consumer.assign(places)
    await consumer.seek_to_beginning(*places)
    done = first = 0
    begun = worked = 0.0
    of, records_max = work.of, min(RECORDS_MAX, max(count // 10, 1))
    while done < count:
        for records in (await consumer.getmany(timeout_ms=WAIT_MS, max_records=records_max)).values():
            for record in records:
                of(record)
            done += len(records)
        if done and not begun:
            first, begun, worked = done, time.monotonic(), time.process_time()
    return {"count": done - first, "seconds": time.monotonic() - begun, "cpu_seconds": time.process_time() - worked}


async def drained(bootstrap: str, name: str, count: int) -> Rate:
    """The rate of a process of its own. RuntimeError when it failed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.drain", bootstrap, name, str(count), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"tests.bench.drain {name} ended with status {process.returncode}; see its error above")
    return Rate(**json.loads(output))


if __name__ == "__main__":
    print(json.dumps(asyncio.run(drain(sys.argv[1], sys.argv[2], int(sys.argv[3])))))
