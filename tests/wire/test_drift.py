"""Drift on real servers: a training file, quiet rows, a shift of half a standard deviation, one alert, and its end."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import numpy as np
import pytest
from drift_builders import Detector

from drift_detector.domain.decide import Item
from flyball.schemas.alerts import Alert
from flyball.schemas.drift import DriftPolicy, DriftReference
from flyball.schemas.registry import SystemRegistered, SystemRevision, SystemSpec
from flyball.schemas.summaries import TelemetrySummary
from flyball.schemas.topics import (
    AGENT_EVENTS,
    ALERTS,
    DRIFT_REFERENCES,
    DRIFT_REPORTS,
    REGISTRY_SYSTEMS,
    RETRAINING_REQUESTS,
    TELEMETRY_SUMMARIES,
)
from flyball.stack import ServiceProcess
from tests.wire.buried import buried_since
from tests.wire.governing import client, console, letter, running
from tests.wire.outside import Broker, Letter, until

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]
FLYBALL = Path(sys.executable).with_name("flyball")
SEGMENTS = 50
"""Each is a summary of its own, and with no wait for late rows a pane of its own."""
QUIET_ROWS, SHIFTED_ROWS = 12_000, 4_000
PAST = datetime(2026, 1, 1, tzinfo=UTC)
POLICY = DriftPolicy(lateness_seconds=0, reference_rows=1_000)


@dataclass(frozen=True, slots=True)
class Site:
    process: ServiceProcess
    detector: httpx.AsyncClient
    console: ServiceProcess

    def flyball(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        told = {"FLYBALL_URL": self.console.url, "FLYBALL_TOKEN": "lin", "TERM": "dumb"}
        return subprocess.run(
            [FLYBALL, *arguments], capture_output=True, text=True, timeout=60, env={**os.environ, **told}, check=False
        )

    async def drift(self, system: str) -> dict[str, Any]:
        answer = await self.detector.get(f"/v1/drift/{system}")
        return answer.json() if answer.status_code == httpx.codes.OK else {"rows": 0, "features": []}


@pytest.fixture
async def site(
    environment: Mapping[str, str], services: Mapping[str, ServiceProcess], tmp_path: Path
) -> AsyncIterator[Site]:
    assert services["telemetry-ingest"].running
    detector = ServiceProcess("drift-detector", environment, tmp_path)
    page = console(environment, tmp_path, drift_detector=detector.url)
    async with running(detector, page), client(detector) as one:
        yield Site(detector, one, page)


def rows(rng: np.random.Generator, size: int, shift: float = 0.0) -> list[dict[str, Any]]:
    numbers = rng.standard_normal((size, 3))
    countries = rng.choice(["de", "fr", "ro"], size, p=[0.7, 0.2, 0.1])
    return [
        {"amount": float(a + shift), "age": float(b), "speed": float(c), "country": str(country)}
        for (a, b, c), country in zip(numbers, countries, strict=True)
    ]


def training_file(folder: Path, table: Sequence[Mapping[str, Any]]) -> Path:
    file = folder / "train.csv"
    lines = [",".join(table[0]), *(",".join(str(value) for value in row.values()) for row in table)]
    file.write_text("\n".join(lines) + "\n")
    return file


def declared(system: str) -> Letter:
    spec = SystemSpec(system=system, drift=POLICY)
    revision = SystemRevision(version=1, effective_at=PAST, author="lin", spec=spec)
    event = SystemRegistered(tenant="default", system=system, revisions=(revision,))
    return letter(REGISTRY_SYSTEMS.name, system, event.model_dump_json().encode())


def predictions(system: str, table: Sequence[Mapping[str, Any]], at: datetime) -> list[Letter]:
    made = []
    for number, features in enumerate(table):
        data = {
            "prediction_id": f"p-{uuid4()}",
            "release": "1.0.0",
            "predicted_class": "yes",
            "features": features,
            "segment": {"cell": str(number % SEGMENTS)},
        }
        event = {"specversion": "1.0", "id": str(uuid4()), "source": "/tests", "type": "prediction.made"}
        body = {**event, "subject": system, "time": at.isoformat(), "data": data}
        made.append(Letter(AGENT_EVENTS.name, system.encode(), json.dumps(body).encode()))
    return made


async def test_a_shift_is_one_episode_with_one_alert_and_its_end(
    site: Site, broker: Broker, system: str, tmp_path: Path
) -> None:
    rng = np.random.default_rng(17)
    read = (ALERTS, DRIFT_REPORTS, RETRAINING_REQUESTS, TELEMETRY_SUMMARIES)
    since = {topic.name: broker.ends(topic.name) for topic in read}
    broker.publish([declared(system)])
    created = site.flyball(
        "reference", "create", str(training_file(tmp_path, rows(rng, 10_000))), "-s", system, "-o", "json"
    )
    assert created.returncode == 0, created.stderr
    effective_at = datetime.fromisoformat(json.loads(created.stdout)["effective_at"])

    async def clock() -> datetime:
        return datetime.now(UTC)

    # When the pane is over, so that none waits for its end.
    await until(clock, lambda now: now > effective_at + timedelta(seconds=11), 70)
    broker.publish(predictions(system, rows(rng, QUIET_ROWS), effective_at))
    quiet = await until(lambda: site.drift(system), lambda now: now["rows"] == QUIET_ROWS, 60)
    assert quiet["unreferenced_rows"] == 0
    assert quiet["is_calibrated"]
    assert {one["feature"]: one["state"] for one in quiet["features"]} == dict.fromkeys(
        ("age", "amount", "country", "speed"), "ok"
    )

    broker.publish(predictions(system, rows(rng, SHIFTED_ROWS, shift=0.5), effective_at))
    await site.process.kill()
    site.process.spawn()
    await site.process.wait_ready()
    moved = await until(lambda: site.drift(system), lambda now: now["rows"] == QUIET_ROWS + SHIFTED_ROWS, 60)
    assert [one["feature"] for one in moved["features"] if one["state"] == "drift"] == ["amount"]
    shown = site.flyball("drift", "show", system)
    assert shown.returncode == 0, shown.stderr
    assert [line.split()[:3] for line in shown.stdout.splitlines() if line.startswith("amount")] == [
        ["amount", "data", "drift"]
    ]
    assert any(line.split()[0] == system for line in site.flyball("drift", "list").stdout.splitlines())

    broker.publish(predictions(system, rows(rng, SHIFTED_ROWS), effective_at))

    async def alerts() -> list[Alert]:
        found = broker.read(ALERTS.name, since[ALERTS.name])
        return [Alert.model_validate_json(one.value()) for one in found if one.key() == system.encode()]

    told = await until(alerts, lambda known: any(alert.status == "resolved" for alert in known), 60)
    assert {(alert.fingerprint, alert.started_at) for alert in told} == {
        (f"drift.feature/{system}/data/amount", told[0].started_at)
    }
    assert [alert.status for alert in told].count("resolved") == 1
    reports = [json.loads(one.value()) for one in broker.read(DRIFT_REPORTS.name, since[DRIFT_REPORTS.name])]
    mine = [one for one in reports if one["system"] == system and one["feature"] == "amount" and one["state"] != "ok"]
    assert {one["episode"] for one in mine if one["state"] == "drift"} == {mine[-1]["episode"]}
    assert mine[-1]["state"] == "recovered"
    check_replay(broker, since, system, await references_of(site, system))
    asked = broker.read(RETRAINING_REQUESTS.name, since[RETRAINING_REQUESTS.name])
    assert {json.loads(one.value())["episode"] for one in asked if one.key() == system.encode()} == {
        mine[-1]["episode"]
    }


async def references_of(site: Site, system: str) -> list[DriftReference]:
    answer = await site.detector.get(f"/v1/drift/{system}/references")
    return [DriftReference.model_validate_json(json.dumps(one)) for one in answer.json()["items"]]


def check_replay(
    broker: Broker, since: Mapping[str, Mapping[int, int]], system: str, references: list[DriftReference]
) -> None:
    """The summaries, read again in their order by a detector without servers, say the same, byte for byte."""
    again = Detector(references, policy=POLICY, policy_version=1)
    for one in broker.read(TELEMETRY_SUMMARIES.name, since[TELEMETRY_SUMMARIES.name]):
        if one.key() == system.encode():
            recorded_at = datetime.fromtimestamp(one.timestamp()[1] / 1000, UTC)
            again.give([Item(TelemetrySummary.model_validate_json(one.value()), recorded_at)])
    told = broker.read(DRIFT_REPORTS.name, since[DRIFT_REPORTS.name])
    # By id: a relay that was killed after the broker's acknowledgement publishes again.
    mine = {dict(one.headers())["ce_id"]: one.value().decode() for one in told if one.key() == system.encode()}
    assert list(mine.values()) == [one.model_dump_json() for one in again.reports]


async def test_the_first_rows_become_the_reference(site: Site, broker: Broker, system: str) -> None:
    table = rows(np.random.default_rng(18), 1_000)
    broker.publish([declared(system)])
    broker.publish(predictions(system, table, datetime.now(UTC)))

    async def references() -> list[dict[str, Any]]:
        answer = await site.detector.get(f"/v1/drift/{system}/references")
        return list(answer.json()["items"])

    (made,) = await until(references, lambda known: len(known) > 0)
    assert (made["version"], made["rows"], made["author"]) == (1, 1_000, "service:drift-detector")
    amounts = [row["amount"] for row in table]
    learned = made["features"]["amount"]
    assert (learned["minimum"], learned["maximum"], learned["nulls"]) == (min(amounts), max(amounts), 0)
    assert sum(learned["counts"]) == 1_000
    assert made["features"]["country"]["counts"] == dict(Counter(row["country"] for row in table))
    assert made["indicators"]["class"]["counts"] == {"yes": 1_000}


async def test_bad_records_are_buried_whole_and_their_neighbours_taken(
    site: Site, services: Mapping[str, ServiceProcess], broker: Broker, system: str
) -> None:
    name = DRIFT_REFERENCES.name
    since = broker.ends(f"{name}.dlq")
    example = json.loads((Path(__file__).parents[2] / f"schemas/examples/{name}/from_a_file.json").read_text())
    edges = {**example["features"]["amount_eur"], "edges": [3.0, 2.0, 1.0]}
    counts = {**example["features"]["amount_eur"], "counts": [1]}
    bad = [
        b"",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        json.dumps({**example, "rows": 3}).encode(),
        json.dumps({**example, "system": "NOT A NAME"}).encode(),
        json.dumps({**example, "features": {"x": edges}}).encode(),
        json.dumps({**example, "features": {"x": counts}}).encode(),
        json.dumps({**example, "features": {"x": {"kind": "unheard-of"}}}).encode(),
    ]
    good = [
        letter(name, system, json.dumps({**example, "system": system, "version": number}).encode())
        for number in range(1, len(bad) + 1)
    ]
    broken = [letter(name, system, body) for body in bad]
    places = broker.publish(list(chain.from_iterable(zip(broken, good, strict=True))))[::2]
    assert services["telemetry-ingest"].running
    # Each of its three readers is here, and buries for itself.
    await buried_since(broker, f"{name}.dlq", since, set(places), copies=len(DRIFT_REFERENCES.consumers))

    async def versions() -> list[int]:
        answer = await site.detector.get(f"/v1/drift/{system}/references")
        return [one["version"] for one in answer.json()["items"]]

    assert await until(versions, lambda known: len(known) == len(bad)) == list(range(len(bad), 0, -1))
