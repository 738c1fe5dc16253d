"""Events over HTTP: accepted once the broker has them, and as they are."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition

from flyball.schemas.topics import AGENT_EVENTS
from flyball.stack import MockBroker

pytestmark = pytest.mark.stack


def on_broker(broker: MockBroker, count: int) -> list[tuple[bytes | None, bytes | None, Mapping[str, bytes]]]:
    consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "test", "auto.offset.reset": "earliest"})
    partitions = consumer.list_topics(AGENT_EVENTS.name, timeout=10).topics[AGENT_EVENTS.name].partitions
    consumer.assign([TopicPartition(AGENT_EVENTS.name, partition, 0) for partition in partitions])
    found = []
    while len(found) < count and (message := consumer.poll(10)) is not None:
        assert message.error() is None
        found.append((message.key(), message.value(), dict(message.headers() or [])))
    consumer.close()
    return found


async def test_events_are_published_as_they_are(world: Any, broker: MockBroker) -> None:
    events = [b'{"subject": "support", "n": 1.10}', b'{"subject": "support"}', b"not json"]
    answer = await world.api.post("/v1/events", content=b"\n".join(events))
    assert (answer.status_code, answer.json()) == (202, {"accepted": 3, "unkeyed": 1})
    found = await asyncio.to_thread(on_broker, broker, 3)
    assert [body for key, body, _ in found if key == b"support"] == events[:2]
    assert [body for key, body, _ in found if key == b"unknown"] == events[2:]
    assert {headers["content-type"] for _, _, headers in found} == {b"application/cloudevents+json"}


async def test_events_are_not_accepted_before_the_broker_has_them(world: Any, broker: MockBroker) -> None:
    await broker.stop()
    answer = await world.api.post("/v1/events", content=b'{"subject": "support"}')
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert answer.json()["title"] == "the broker is away"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"[]", 400),
        (b"[1", 400),
        (b"1\n" * 101, 413),
        (b" " * 5_000_001, 413),
        (b'"%s"' % (b"x" * 4_200_000), 413),
    ],
)
async def test_a_request_out_of_bounds_is_refused_as_a_whole(world: Any, body: bytes, status: int) -> None:
    answer = await world.api.post("/v1/events", content=body)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
