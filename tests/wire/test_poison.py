"""Garbage on control topics goes to the dead letters, whole and with its reason; too much of it stops the reader."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from uuid import uuid4

import pytest

from flyball.bus.messages import fact
from flyball.bus.settings import KafkaSettings
from flyball.bus.topics import open_topic_admin
from flyball.schemas.registry import SystemRegistered, SystemRevision, SystemSpec
from flyball.schemas.summaries import Histogram, InteractionStatistics, TelemetrySummary
from flyball.schemas.topics import REGISTRY_SYSTEMS, TELEMETRY_SUMMARIES, TOPICS, Topic, dead_letters_of
from flyball.stack import LocalStack, ServiceProcess
from tests.wire.buried import buried_since, original
from tests.wire.outside import Answers, Broker, Letter, until

pytestmark = pytest.mark.stack
PARTITION = 5
POINTS_PER_EVENT = 50_000
"""What one scored event grants at the default target of 95 %."""
GARBAGE: list[tuple[str, bytes | None]] = [
    ("json_invalid", b"not JSON"),
    ("json_invalid", b'{"tenant": "default", "system": "a'),
    ("json_invalid", b"\xff\xfe"),
    ("empty_body", None),
    ("json_invalid", b""),
    ("missing", b"{}"),
    ("model_type", b"[]"),
    ("json_invalid", b"[" * 100_000),
]


def summary(system: str) -> Letter:
    """One fast interaction, as telemetry-ingest would say it."""
    now = datetime.now(UTC)
    event = TelemetrySummary(
        tenant="default",
        system=system,
        release="1.0.0",
        segment=None,
        bucket_start=now.replace(second=0, microsecond=0),
        event_time_max=now,
        interactions=InteractionStatistics(count=1, latency_us=Histogram(count=1, total=250, bins={250: 1})),
    )
    return letter(TELEMETRY_SUMMARIES, event, system)


def registration(system: str) -> Letter:
    past = datetime.now(UTC) - timedelta(days=1)
    revision = SystemRevision(
        version=1, effective_at=past, author="tests", spec=SystemSpec(system=system, purpose="a NUL: \0")
    )
    return letter(REGISTRY_SYSTEMS, SystemRegistered(tenant="default", system=system, revisions=(revision,)), system)


def letter(topic: Topic, event: TelemetrySummary | SystemRegistered, system: str) -> Letter:
    message = fact(topic, event, source="tests", identity=uuid4(), system=system, time=datetime.now(UTC))
    return Letter(topic.name, message.key, message.body, message.headers, PARTITION)


def garbage(topic: Topic, system: str, body: bytes | None) -> Letter:
    headers = [("ce_id", None), ("ce_subject", b"\xff"), ("", b""), ("trace", bytes(range(256)))]
    return Letter(topic.name, system.encode(), body, headers, PARTITION)


def between(good: list[Letter], bad: list[Letter]) -> list[Letter]:
    """good, bad, good, ..., bad, good"""
    return [*chain.from_iterable(zip(good, bad, strict=False)), good[-1]]


async def scored_events(answers: Answers, system: str, expected: int) -> float:
    budget = await until(
        lambda: answers.budget(system, "performance"),
        lambda now: now is not None and now["granted"] >= expected * POINTS_PER_EVENT,
    )
    return budget["granted"] / POINTS_PER_EVENT if budget else 0


async def test_garbage_among_summaries(broker: Broker, answers: Answers, system: str) -> None:
    dead = dead_letters_of(TELEMETRY_SUMMARIES).name
    since = broker.ends(dead)
    bad = [garbage(TELEMETRY_SUMMARIES, system, body) for _, body in GARBAGE]
    good = [summary(system) for _ in range(len(bad) + 1)]
    places = broker.publish(between(good, bad))[1::2]

    assert await scored_events(answers, system, len(good)) == len(good)
    found = await buried_since(broker, dead, since, set(places))
    for (reason, body), sent, place in zip(GARBAGE, bad, places, strict=True):
        (event,) = found[place]
        assert (event["reason"], event["source"]) == (reason, "/flyball/budget-ledger"), body
        assert original(event) == (sent.key, list(sent.headers), sent.body)


async def test_garbage_on_the_registry(
    broker: Broker, answers: Answers, services: Mapping[str, ServiceProcess], system: str
) -> None:
    dead = dead_letters_of(REGISTRY_SYSTEMS).name
    since = broker.ends(dead)
    bad = [garbage(REGISTRY_SYSTEMS, system, body) for _, body in GARBAGE]
    good = [registration(system) for _ in range(len(bad) + 1)]
    places = broker.publish(between(good, bad))[1::2]

    found = await buried_since(broker, dead, since, set(places), copies=len(services))
    for (reason, body), sent, place in zip(GARBAGE, bad, places, strict=True):
        assert {event["source"] for event in found[place]} == {f"/flyball/{name}" for name in services}
        for event in found[place]:
            assert event["reason"] == reason, body
            assert original(event) == (sent.key, list(sent.headers), sent.body)
    broker.publish([summary(system)])
    assert await scored_events(answers, system, 1) == 1
    explanation = await answers.explanation(system, "performance")
    assert explanation["policy"]["version"] == 1


@pytest.fixture
async def a_broker_of_its_own(environment: Mapping[str, str]) -> AsyncIterator[dict[str, str]]:
    """Garbage that stops a reader stays on its topic: nobody else may read this one."""
    given = {"FLYBALL_REDIS": environment["FLYBALL_REDIS"]}
    async with LocalStack("full", given=given) as stack:
        async with open_topic_admin(KafkaSettings.from_environment(stack.environment)) as admin:
            await admin.apply(TOPICS)
        yield {**environment, **stack.environment}


async def test_more_than_a_tenth_of_a_thousand_records_stops_the_ledger(
    a_broker_of_its_own: dict[str, str], tmp_path: Path, system: str
) -> None:
    dead = dead_letters_of(TELEMETRY_SUMMARIES).name
    broker = Broker(a_broker_of_its_own["FLYBALL_KAFKA"])
    ledger = ServiceProcess("budget-ledger", a_broker_of_its_own, tmp_path)
    broker.publish([summary(system) for _ in range(900)])
    tenth = broker.publish([garbage(TELEMETRY_SUMMARIES, system, b"not JSON") for _ in range(100)])
    try:
        await ledger.start()
        await buried_since(broker, dead, {0: 0}, set(tenth))
        assert ledger.running, "a tenth is not more than a tenth"
        broker.publish([garbage(TELEMETRY_SUMMARIES, system, b"not JSON")])
        assert await ledger.process.wait(30) == 1
    finally:
        await ledger.kill()
    log = ledger.process.log_path.read_text()
    assert "more than 10% of 1000 records of telemetry.summaries.v1 cannot be read" in log
    assert "Check that this service and its publishers run compatible releases, then restart it." in log
    assert broker.ends(dead) == {0: 100}, "the batch that broke the circuit left nothing"
