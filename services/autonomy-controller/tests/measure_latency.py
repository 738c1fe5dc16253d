"""How long an answer takes: python services/autonomy-controller/tests/measure_latency.py [requests a second] [seconds].

By Kafka, from when a request was due to be sent to the reading of its reply, in an open loop that waits for nobody;
over HTTP, one after another; and locally, in the SDK. On servers of its own.
"""

import asyncio
import statistics
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import httpx
from autonomy_builders import request, revision, spec
from autonomy_servers import REPLIES, SERVICE_TOKEN
from confluent_kafka import Consumer, Producer, TopicPartition

from flyball.bus.settings import KafkaSettings
from flyball.bus.topics import open_topic_admin
from flyball.schemas.registry import SystemRegistered
from flyball.schemas.topics import TOPICS
from flyball.sdk.deciding import Known, decide
from flyball.stack import LocalStack, ServiceProcess

SYSTEMS = [f"system-{n}" for n in range(24)]
PAST = datetime(2026, 1, 1, tzinfo=UTC)


def percentiles(seconds: list[float]) -> str:
    ordered = sorted(seconds)
    at = {q: ordered[min(int(len(ordered) * q), len(ordered) - 1)] * 1_000 for q in (0.5, 0.95, 0.99, 0.999)}
    return ", ".join(f"p{q * 100:g} {ms:.2f} ms" for q, ms in at.items())


def local() -> None:
    from autonomy_builders import classes_at

    controls = {name: state.control for name, state in classes_at(3).items()}
    asked, known, took = request(write=True, operation="order.cancel"), Known(controls, None, 1.0), []
    for _ in range(50_000):
        before = time.perf_counter()
        decide(asked, known)
        took.append(time.perf_counter() - before)
    print(f"local rule: {percentiles(took)} (mean {statistics.mean(took) * 1e6:.1f} us)")


def listen(kafka: str, arrived: dict[str, float], stop: threading.Event) -> None:
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": str(uuid4()), "fetch.wait.max.ms": 10})
    consumer.assign([TopicPartition(REPLIES.name, number, 0) for number in range(REPLIES.partitions)])
    while not stop.is_set():
        for message in consumer.consume(500, 0.05):
            correlation = dict(message.headers() or [])["correlation_id"].decode()
            arrived.setdefault(correlation, time.monotonic())
    consumer.close()


def load(kafka: str, rate: int, seconds: float) -> tuple[dict[str, float], dict[str, float]]:
    sent: dict[str, float] = {}
    arrived: dict[str, float] = {}
    stop = threading.Event()
    listener = threading.Thread(target=listen, args=(kafka, arrived, stop))
    listener.start()
    producer = Producer({"bootstrap.servers": kafka, "linger.ms": 0, "acks": "all"})
    began = time.monotonic()
    for number in range(int(rate * seconds)):
        due = began + number / rate
        time.sleep(max(due - time.monotonic(), 0))
        system = SYSTEMS[number % len(SYSTEMS)]
        soon = datetime.now(UTC) + timedelta(seconds=20)
        asked = request(system=system, deadline=soon, reply_topic=REPLIES.name)
        sent[asked.action_id] = due
        producer.produce("agent.actions.v1", asked.model_dump_json().encode(), system.encode())
        producer.poll(0)
    producer.flush(10)
    deadline = time.monotonic() + 15
    while not sent.keys() <= arrived.keys() and time.monotonic() < deadline:
        time.sleep(0.05)
    stop.set()
    listener.join()
    return sent, arrived


async def main(rate: int, seconds: float) -> None:
    local()
    async with LocalStack("full") as stack:
        async with open_topic_admin(KafkaSettings.from_environment(stack.environment)) as admin:
            await admin.apply([*TOPICS, REPLIES])
        environment = {**stack.environment, "FLYBALL_SERVICE_TOKEN": SERVICE_TOKEN}
        service = ServiceProcess("autonomy-controller", environment, Path(tempfile.mkdtemp()))
        await service.start()
        kafka = stack.environment["FLYBALL_KAFKA"]
        producer = Producer({"bootstrap.servers": kafka})
        for system in SYSTEMS:
            declared = spec(2).model_copy(update={"system": system})
            event = SystemRegistered(tenant="default", system=system, revisions=(revision(1, declared, PAST),))
            producer.produce("registry.systems.v1", event.model_dump_json().encode(), system.encode())
        producer.flush(10)
        await asyncio.sleep(3)
        await asyncio.to_thread(load, kafka, 50, 2)
        sent, arrived = await asyncio.to_thread(load, kafka, rate, seconds)
        took = [arrived[key] - at for key, at in sent.items() if key in arrived]
        print(f"request/reply at {rate}/s for {seconds} s: {len(took)} of {len(sent)} answered, {percentiles(took)}")
        await over_http(service.url)
        await service.kill()


async def over_http(url: str) -> None:
    headers = {"authorization": f"Bearer {SERVICE_TOKEN}"}
    took = []
    async with httpx.AsyncClient(base_url=url, headers=headers) as client:
        for _ in range(300):
            asked = request(system=SYSTEMS[0], deadline=datetime.now(UTC) + timedelta(seconds=20))
            before = time.perf_counter()
            (await client.post("/v1/decisions", content=asked.model_dump_json())).raise_for_status()
            took.append(time.perf_counter() - before)
    print(f"HTTP, one at a time: {percentiles(took)}")


if __name__ == "__main__":
    asyncio.run(main(int((sys.argv[1:] or ["500"])[0]), float((sys.argv[2:] or ["10"])[0])))
