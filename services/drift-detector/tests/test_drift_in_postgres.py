"""The whole service on Postgres: the same facts in any batches, what people ask for, what is answered over HTTP."""

import json
from collections.abc import AsyncIterator, Sequence
from functools import partial
from importlib.resources import files
from typing import Any
from uuid import uuid4

import httpx
import numpy as np
import pytest
from drift_builders import PANE, SYSTEM, TENANT, Detector, Rows, items, pane_at, reference_of, summary_of
from starlette.applications import Starlette

from drift_detector.adapters.postgres import Plans, PostgresSystems
from drift_detector.api import routes
from drift_detector.desk import Desk
from drift_detector.domain.audit import KIND
from drift_detector.domain.decide import Item
from drift_detector.service import DriftDetector, wiring
from flyball.bus.messages import fact
from flyball.bus.records import Batch, Record
from flyball.bus.typed import Received
from flyball.observe.metrics import Metrics
from flyball.schemas.drift import DriftPolicy, DriftReference, DriftReport
from flyball.schemas.registry import Owners, SystemRegistered, SystemRevision, SystemSpec
from flyball.schemas.summaries import TelemetrySummary
from flyball.schemas.topics import AUDIT_RECORDS, DRIFT_REFERENCES, DRIFT_REPORTS, TELEMETRY_SUMMARIES
from flyball.store.postgres import PostgresDatabase, PostgresTransaction, open_postgres
from flyball.store.settings import StoreSettings

pytestmark = pytest.mark.stack
TOKEN = "token-of-the-tests"
POLICY = DriftPolicy(lateness_seconds=0, reference_rows=1_000)
PANES, PANE_ROWS = 200, 50
Service = DriftDetector[PostgresTransaction]


@pytest.fixture
async def database(postgres_dsn: str) -> AsyncIterator[PostgresDatabase]:
    settings = StoreSettings.from_environment({"FLYBALL_POSTGRES": postgres_dsn})
    migrations = [files("drift_detector").joinpath("migrations")]
    async with open_postgres(settings, f"drift_{uuid4().hex[:8]}", migrations) as opened:
        yield opened


@pytest.fixture
def plans() -> Plans:
    return Plans()


@pytest.fixture
async def service(database: PostgresDatabase, plans: Plans) -> Service:
    made: Service = DriftDetector(partial(PostgresSystems, plans=plans), Metrics("drift-detector"))
    spec = SystemSpec(system=SYSTEM, owners=Owners(operations="ops@example.com"), drift=POLICY)
    revision = SystemRevision(version=3, effective_at=pane_at(-100), author="ada", spec=spec)
    event = SystemRegistered(tenant=TENANT, system=SYSTEM, revisions=(revision,))
    async with database.transaction() as transaction:
        await made.on_registered(transaction, [_received(event, pane_at(-100))])
    return made


@pytest.fixture
async def api(database: PostgresDatabase, plans: Plans) -> AsyncIterator[httpx.AsyncClient]:
    desk: Desk[PostgresTransaction] = Desk(database, partial(PostgresSystems, plans=plans), lambda: pane_at(500))
    application = Starlette(routes=routes(database, desk, plans, TOKEN))
    headers = {"Authorization": f"Bearer {TOKEN}"}
    transport = httpx.ASGITransport(application)
    async with httpx.AsyncClient(transport=transport, base_url="http://drift", headers=headers) as client:
        yield client


def rows(rng: np.random.Generator, panes: int, shift: float = 0.0) -> dict[str, list[float | str | None]]:
    size = panes * PANE_ROWS
    amounts = [*(rng.standard_normal(size) + shift).tolist()]
    return {"amount": amounts, "country": [*rng.choice(["de", "fr", "ro"], size, p=[0.7, 0.2, 0.1]).tolist()]}


def stream(reference: DriftReference) -> list[Item]:
    rng = np.random.default_rng(31)
    quiet, moved = rows(rng, PANES), rows(rng, 20, shift=0.7)
    table: Rows = {name: [*quiet[name], *moved[name]] for name in quiet}
    return items(table, reference, pane_rows=PANE_ROWS)


def _received(event: Any, at: Any) -> Received[Any]:
    return Received(event, uuid4(), Record("t", 0, 0, int(at.timestamp() * 1000), None, None, ()))


async def give(database: PostgresDatabase, service: Service, given: Sequence[Item], size: int) -> None:
    for at in range(0, len(given), size):
        async with database.transaction() as transaction:
            batch: list[Received[TelemetrySummary]] = [
                _received(item.summary, item.recorded_at) for item in given[at : at + size]
            ]
            await service.on_summaries(transaction, batch)


async def outbox(database: PostgresDatabase, topic: str) -> list[str]:
    return [
        bytes(row["body"]).decode()
        for row in await database.fetch("SELECT body FROM outbox WHERE topic = $1 ORDER BY id", topic)
    ]


async def known(database: PostgresDatabase, service: Service, reference: DriftReference) -> None:
    async with database.transaction() as transaction:
        await service.on_references(transaction, [_received(reference, pane_at(0))] * 2)


@pytest.mark.parametrize("size", [1, 13, 500])
async def test_the_facts_are_those_of_memory_in_any_batches(
    database: PostgresDatabase, service: Service, size: int
) -> None:
    reference = reference_of(rows(np.random.default_rng(30), 100))
    await known(database, service, reference)
    given = stream(reference)
    await give(database, service, given, size)
    expected = Detector([reference], POLICY).give(given)
    assert await outbox(database, DRIFT_REPORTS.name) == [one.model_dump_json() for one in expected.reports]
    assert ("amount", "drift") in [(one.feature, one.state) for one in expected.reports]
    (stored,) = await database.fetch("SELECT count(*) AS panes FROM panes")
    assert stored["panes"] == 64


async def test_a_summary_that_comes_twice_counts_once(database: PostgresDatabase, service: Service) -> None:
    reference = reference_of(rows(np.random.default_rng(30), 100))
    await known(database, service, reference)
    (subscription,) = [one for one in wiring(service).subscriptions if one.topic is TELEMETRY_SUMMARIES]
    records = []
    for offset, item in enumerate(stream(reference)[:20]):
        made = fact(
            TELEMETRY_SUMMARIES, item.summary, source="t", identity=uuid4(), system=SYSTEM, time=item.recorded_at
        )
        at_ms = int(item.recorded_at.timestamp() * 1000)
        records.append(Record(made.topic, 0, offset, at_ms, made.key, made.body, made.headers))
    for offsets in (records[:12], records[8:], records):
        async with database.transaction() as transaction:
            await subscription.handle(transaction, [Batch(TELEMETRY_SUMMARIES.name, 0, offsets[0].offset, offsets)])
    (stored,) = await database.fetch("SELECT state FROM systems WHERE state IS NOT NULL")
    assert json.loads(stored["state"])["rows"] == 20 * PANE_ROWS


async def test_first_rows_become_a_reference_and_are_forgotten(
    database: PostgresDatabase, service: Service, api: httpx.AsyncClient
) -> None:
    rng = np.random.default_rng(32)
    first = [Item(summary_of(rows(rng, 5), pane_at(0), None), pane_at(n + 1)) for n in range(5)]
    await give(database, service, first, 2)
    (body,) = await outbox(database, DRIFT_REFERENCES.name)
    reference = DriftReference.model_validate_json(body)
    assert (reference.version, reference.rows, set(reference.features)) == (1, 1_000, {"amount", "country"})
    shown = (await api.get(f"/v1/drift/{SYSTEM}")).json()
    assert (shown["reference"], shown["learned_rows"], shown["announced"][0]["version"]) == (None, 1_000, 1)

    at = reference.effective_at
    later = Item(summary_of(rows(rng, 1), at, reference), at + PANE)
    await give(database, service, [later], 1)
    (left,) = await database.fetch("SELECT count(*) AS rows FROM first_rows")
    assert left["rows"] == 0
    shown = (await api.get(f"/v1/drift/{SYSTEM}")).json()
    assert (shown["reference_version"], shown["panes"], shown["is_calibrated"]) == (1, 1, False)


async def test_people_approve_acknowledge_and_rebase(
    database: PostgresDatabase, service: Service, api: httpx.AsyncClient
) -> None:
    reference = reference_of(rows(np.random.default_rng(30), 100))
    await known(database, service, reference)
    await give(database, service, stream(reference), 100)
    shown = (await api.get(f"/v1/drift/{SYSTEM}")).json()
    by_name = {one["feature"]: one for one in shown["features"]}
    assert (by_name["amount"]["state"], by_name["country"]["state"]) == ("drift", "ok")
    assert sum(by_name["amount"]["live"]["bins"]) == by_name["amount"]["live"]["rows"] == 64 * PANE_ROWS
    assert len(by_name["amount"]["live"]["bins"]) == len(by_name["amount"]["reference"]["counts"])
    assert len(shown["heat"]["starts"]) == len(shown["heat"]["features"]["data/amount"]) == 16
    assert (await api.get("/v1/drift")).json()["items"][0]["episodes"] == 1

    quiet = {"system": "no-traffic-yet", "reason": "r", "actor": "user:ada"}
    assert (await api.post("/v1/drift/rebasings", json=quiet)).status_code == 201
    unseen = (await api.get("/v1/drift/no-traffic-yet")).json()
    assert (unseen["rows"], unseen["reference"], unseen["announced"][0]["version"]) == (0, None, 1)

    told = {"system": SYSTEM, "feature": "amount", "reason": "a campaign", "actor": "user:ada"}
    report = DriftReport.model_validate_json((await api.post("/v1/drift/acknowledgements", json=told)).content)
    assert (report.state, report.reason) == ("recovered", "acknowledged: a campaign")
    again = await api.post("/v1/drift/acknowledgements", json=told)
    assert (again.status_code, again.json()["title"]) == (409, "Refused")

    anew = await api.post("/v1/drift/rebasings", json={"system": SYSTEM, "reason": "it stays", "actor": "user:ada"})
    assert (anew.status_code, anew.json()["version"], anew.json()["features"]) == (201, 2, [])
    body = {"rows": reference.rows, "source": "file x.csv", "actor": "user:ada", "system": SYSTEM}
    features = reference.model_dump(mode="json")["features"]
    made = await api.post("/v1/drift/references", json={**body, "features": features})
    assert (made.status_code, made.json()["version"]) == (201, 3)
    assert made.json()["effective_at"] > anew.json()["effective_at"]
    versions = (await api.get(f"/v1/drift/{SYSTEM}/references")).json()["items"]
    assert [one["version"] for one in versions] == [3, 2, 1]
    told_last = (await api.get(f"/v1/drift/{SYSTEM}/reports")).json()["items"][0]
    assert told_last["state"] == "recovered"


async def test_what_makes_no_sense_is_refused(api: httpx.AsyncClient) -> None:
    body = {"system": SYSTEM, "actor": "user:ada", "reason": "r"}
    for path, changed, status in (
        ("/v1/drift/rebasings", {**body, "actor": "ada"}, 422),
        ("/v1/drift/rebasings", {**body, "system": "NOT A NAME"}, 422),
        ("/v1/drift/rebasings", {**body, "unheard-of": 1}, 422),
        ("/v1/drift/acknowledgements", {**body, "feature": "x"}, 409),
        ("/v1/drift/references", {"system": SYSTEM, "actor": "user:ada", "rows": 3, "source": "s", "features": 7}, 422),
        ("/v1/decide-again", {"kind": KIND, "inputs": {}}, 422),
        ("/v1/decide-again", {"kind": "budget.zone", "inputs": {}}, 422),
    ):
        assert (await api.post(path, json=changed)).status_code == status, path
    few = {"x": {"kind": "rate", "type": "data", "hits": 1, "rows": 3}}
    wrong = {"system": SYSTEM, "actor": "user:ada", "rows": 900, "source": "s", "features": few}
    assert (await api.post("/v1/drift/references", json=wrong)).status_code == 422
    assert (await api.post("/v1/drift/rebasings", content=b"{" * 2_000_000)).status_code == 413
    assert (await api.get("/v1/drift/nothing-of-it")).status_code == 404
    assert (await api.get(f"/v1/drift/{SYSTEM}/reports?before=x")).status_code == 409
    assert (await api.get("/v1/drift", headers={"Authorization": "Bearer no"})).status_code == 401


async def test_a_recorded_decision_is_decided_again_over_http(
    database: PostgresDatabase, service: Service, api: httpx.AsyncClient
) -> None:
    reference = reference_of(rows(np.random.default_rng(30), 100))
    await known(database, service, reference)
    await give(database, service, stream(reference), 100)
    records = [httpx.Response(200, content=body).json() for body in await outbox(database, AUDIT_RECORDS.name)]
    assert records
    for record in records:
        answer = await api.post("/v1/decide-again", json={"kind": record["kind"], "inputs": record["inputs"]})
        assert answer.json() == {"decision": record["decision"]}
