"""A feed on real servers: broken features put it into quarantine, its owner releases it, and both are on record."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from flyball.schemas.registry import Owners, SystemRegistered, SystemRevision, SystemSpec
from flyball.schemas.summaries import TelemetrySummary
from flyball.schemas.telemetry import Expectation, TelemetryPolicy
from flyball.schemas.topics import (
    AGENT_EVENTS,
    ALERTS,
    AUDIT_RECORDS,
    REGISTRY_SYSTEMS,
    TELEMETRY_EXCEPTIONS,
    TELEMETRY_SUMMARIES,
    Topic,
)
from flyball.stack import ServiceProcess
from tests.wire.governing import PAST, client, console, letter, running
from tests.wire.outside import Answers, Broker, Letter, until

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]
FLYBALL = Path(sys.executable).with_name("flyball")
POLICY = TelemetryPolicy(
    expectations={"features.amount": Expectation(maximum=100.0, broken_ppm_max=100_000)}, quarantine_rows_min=20
)


@pytest.fixture
async def page(
    environment: Mapping[str, str], services: Mapping[str, ServiceProcess], tmp_path: Path
) -> AsyncIterator[ServiceProcess]:
    made = console(environment, tmp_path, telemetry_ingest=services["telemetry-ingest"].url)
    async with running(made):
        yield made


async def flyball(page: ServiceProcess, *arguments: str) -> subprocess.CompletedProcess[str]:
    told = {**os.environ, "FLYBALL_URL": page.url, "FLYBALL_TOKEN": "bea", "TERM": "dumb"}
    return await asyncio.to_thread(
        subprocess.run, [FLYBALL, *arguments], capture_output=True, text=True, timeout=60, env=told, check=False
    )


def registered(system: str) -> Letter:
    spec = SystemSpec(system=system, owners=Owners(operations="team-ops"), telemetry=POLICY)
    revision = SystemRevision(version=1, effective_at=PAST, author="grace", spec=spec)
    event = SystemRegistered(tenant="default", system=system, revisions=(revision,))
    return letter(REGISTRY_SYSTEMS.name, system, event.model_dump_json().encode())


def predictions(system: str, amount: float, count: int) -> list[Letter]:
    made = []
    for _ in range(count):
        data = {
            "prediction_id": str(uuid4()),
            "release": "1.0.0",
            "predicted_class": "yes",
            "features": {"amount": amount, "note": "from bob@example.com"},
        }
        event = {"specversion": "1.0", "id": str(uuid4()), "source": "/tests", "type": "prediction.made"}
        body = {**event, "subject": system, "time": datetime.now(UTC).isoformat(), "data": data}
        made.append(Letter(AGENT_EVENTS.name, system.encode(), json.dumps(body).encode()))
    return made


async def read_of_registry(answers: Answers) -> float:
    """How many records of the registry telemetry-ingest has dealt with."""
    async with httpx.AsyncClient(base_url=answers.urls["telemetry-ingest"], timeout=30) as client:
        lines = (await client.get("/metrics")).text.splitlines()
    counts = [line.split()[-1] for line in lines if line.startswith("flyball_records_total") and "registry" in line]
    return sum(map(float, counts))


async def test_a_feed_is_quarantined_and_released(broker: Broker, answers: Answers, page: ServiceProcess) -> None:
    system = f"feed-{uuid4().hex[:8]}"
    topics = (TELEMETRY_SUMMARIES, TELEMETRY_EXCEPTIONS, ALERTS, AUDIT_RECORDS)
    since = {topic.name: broker.ends(topic.name) for topic in topics}

    async def seen(topic: Topic) -> list[Any]:
        found = [topic.adapter.validate_json(message.value()) for message in broker.read(topic.name, since[topic.name])]
        return [one for one in found if one.system == system]

    async def counted(rows: int) -> list[TelemetrySummary]:
        def enough(found: list[TelemetrySummary]) -> bool:
            return sum(one.measurement.counted for one in found) >= rows

        return await until(lambda: seen(TELEMETRY_SUMMARIES), enough)

    before = await read_of_registry(answers)
    broker.publish([registered(system)])
    await until(lambda: read_of_registry(answers), lambda read: read > before)
    broker.publish(predictions(system, 5.0, 20) + predictions(system, 500.0, 10))
    broken = await counted(30)
    assert sum(one.measurement.suspect for one in broken) == 8
    assert sum(one.measurement.expectations["features.amount"].broken for one in broken) == 10
    assert "bob@example.com" not in "".join(one.model_dump_json() for one in broken)
    exceptions = await until(lambda: seen(TELEMETRY_EXCEPTIONS), lambda found: len(found) > 1)
    assert sorted(one.kind for one in exceptions) == ["feed.quarantined", "pii.detected"]
    (alert,) = await until(lambda: seen(ALERTS), bool)
    assert (alert.status, alert.owner, alert.labels["field"]) == ("firing", "team-ops", "features.amount")
    assert (alert.sample_size, alert.threshold) == (23, "at most 10 %")

    async with client(page, "bea") as people, client(page, "bot") as agent:
        (feed,) = (await people.get("/v1/feeds", params={"system": system})).json()["items"]
        assert (feed["state"], feed["owner"]) == ("quarantined", "team-ops")
        release = {"system": system, "reason": "mended"}
        assert (await agent.post("/v1/feeds/releases", json=release)).status_code == httpx.codes.FORBIDDEN
        done = await flyball(page, "feeds", "release", system, "-r", "mended")
        assert done.returncode == 0, done.stderr
        again = await people.post("/v1/feeds/releases", json=release)
        assert (again.status_code, "is in quarantine" in again.text) == (httpx.codes.CONFLICT, True)
    broker.publish(predictions(system, 5.0, 5))
    assert sum(one.measurement.suspect for one in await counted(35)) == 8
    alerts = await until(lambda: seen(ALERTS), lambda found: len(found) > 1)
    assert [one.status for one in alerts] == ["firing", "resolved"]
    records = await until(lambda: seen(AUDIT_RECORDS), lambda found: len(found) > 1)
    assert [(one.decision, one.actor) for one in records] == [
        ("quarantined", "service:telemetry-ingest"),
        ("released", "user:bea"),
    ]
