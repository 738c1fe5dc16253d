"""The whole API on a real Postgres and a broker that speaks Kafka's protocol."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from confluent_kafka import Consumer, TopicPartition

from console.adapters.reads import Reads
from console.adapters.services import open_service
from console.api.live import LiveRoutes
from console.api.problems import ProblemError
from console.app import MIGRATIONS, application, service
from console.service import Console
from console.settings import Settings
from flyball.bus.producer import open_publisher
from flyball.observe.health import Health
from flyball.schemas.budgets import BudgetStates
from flyball.schemas.registry import SystemRegistered
from flyball.schemas.rejected import Position, TelemetryRejected
from flyball.schemas.topics import AGENT_EVENTS, REGISTRY_SYSTEMS
from flyball.stack import MockBroker
from flyball.store.postgres import PostgresDatabase, PostgresTransaction, open_postgres

pytestmark = pytest.mark.stack
TOKEN = "token-of-ada"
NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
KEPT = 3


class World:
    """Console without its consumers: what they would hand over, the tests hand over themselves."""

    def __init__(
        self, console: Console[PostgresTransaction], database: PostgresDatabase, api: httpx.AsyncClient, health: Health
    ) -> None:
        self.console, self.database, self.api, self.health = console, database, api, health

    async def registered(self) -> list[SystemRegistered]:
        rows = await self.database.fetch("SELECT topic, key, body FROM outbox ORDER BY id")
        assert {row["topic"] for row in rows} <= {REGISTRY_SYSTEMS.name}
        return [SystemRegistered.model_validate_json(row["body"]) for row in rows]

    async def reject(self, system: str, body: bytes | None, headers: tuple[tuple[str, bytes | None], ...] = ()) -> UUID:
        identity = uuid4()
        event = TelemetryRejected(
            tenant="default",
            system=system,
            reason="not_json",
            field="da\0ta",
            detail="no",
            position=Position(topic=AGENT_EVENTS.name, partition=3, offset=7),
            recorded_at=NOW,
            key=b"\xffkey",
            headers=headers,
            body=body,
        )
        async with self.database.transaction() as transaction:
            await self.console.rejections(transaction).add([(identity, event)])
        return identity

    async def put(self, system: str, cause: str) -> None:
        states = BudgetStates(tenant="default", system=system, as_of=NOW, cause=cause, worst="green", budgets=())
        async with self.database.transaction() as transaction:
            await self.console.live_budgets(transaction).put([states])


@pytest.fixture
async def broker() -> AsyncIterator[MockBroker]:
    async with MockBroker() as started:
        await started.create_topics([AGENT_EVENTS.name])
        yield started


@pytest.fixture
async def world(postgres_dsn: str, broker: MockBroker) -> AsyncIterator[World]:
    settings = Settings.from_environment(
        {
            "FLYBALL_POSTGRES": postgres_dsn,
            "FLYBALL_KAFKA": broker.bootstrap,
            "FLYBALL_SERVICE_TOKEN": "token-of-the-services",
            "FLYBALL_API_TOKENS": f"ada:{sha256(TOKEN.encode()).hexdigest()}",
            "FLYBALL_PUBLISH_SECONDS_MAX": "1",
            "FLYBALL_REJECTED_RECORDS_PER_SYSTEM_MAX": str(KEPT),
            "FLYBALL_EVENTS_REQUEST_BYTES_MAX": "5000000",
            "FLYBALL_EVENTS_REQUEST_EVENTS_MAX": "100",
        }
    )
    health = Health(started=True)
    async with (
        open_postgres(settings, f"console_{uuid4().hex[:8]}", [MIGRATIONS]) as database,
        open_publisher(settings, "console-test") as publisher,
        open_service("telemetry-ingest", "http://127.0.0.1:1", "token", 1.0) as away,
    ):
        console = service(settings)
        app = application(settings, console, database, publisher, away, away, health)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://console", headers=headers) as api:
            yield World(console, database, api, health)


def spec(system: str, **fields: object) -> bytes:
    return json.dumps({"system": system, **fields}).encode()


async def test_a_system_is_declared_changed_and_said_on_the_registry(world: World) -> None:
    answers = [
        await world.api.put("/v1/systems/support", content=spec("support", window_days=days)) for days in (30, 30, 7)
    ]
    assert [answer.status_code for answer in answers] == [201, 200, 200]
    assert [(a.json()["version"], a.json()["changed"]) for a in answers] == [(1, True), (1, False), (2, True)]
    assert answers[0].json()["author"] == "ada"
    published = await world.registered()
    assert [len(event.revisions) for event in published] == [1, 2]
    assert [revision.spec.window_days for revision in published[-1].revisions] == [30, 7]
    assert published[-1].revisions[0].effective_at - datetime.now(UTC) < timedelta(seconds=30)
    shown = (await world.api.get("/v1/systems/support")).json()
    assert (shown["version"], len(shown["revisions"])) == (2, 2)


async def test_many_at_once_make_one_chain_of_versions(world: World) -> None:
    bodies = [spec("support", window_days=1 + n) for n in range(12)]
    answers = await asyncio.gather(*(world.api.put("/v1/systems/support", content=body) for body in bodies))
    assert sorted(answer.json()["version"] for answer in answers) == list(range(1, 13))
    assert [len(event.revisions) for event in await world.registered()] == list(range(1, 13))


async def test_systems_come_in_pages(world: World) -> None:
    for name in ("b", "a", "c"):
        await world.api.put(f"/v1/systems/{name}", content=spec(name))
    first = (await world.api.get("/v1/systems", params={"limit": 2})).json()
    rest = (await world.api.get("/v1/systems", params={"limit": 2, "after": first["next"]})).json()
    assert [item["system"] for item in first["items"] + rest["items"]] == ["a", "b", "c"]
    assert rest["next"] is None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (spec("support", window_day=3), "window_day"),
        (spec("support", targets={"accuracy": {"target_ppm": 95.5}}), "targets.accuracy.target_ppm"),
        (spec("other"), "system"),
        (spec("support", tenant="acme"), "tenant"),
        (b"{", ""),
    ],
)
async def test_a_wrong_spec_is_refused_with_its_field(world: World, body: bytes, field: str) -> None:
    answer = await world.api.put("/v1/systems/support", content=body)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert answer.json()["errors"][0]["field"] == field
    assert await world.registered() == []


async def test_rejected_records_are_kept_whole_newest_first_and_bounded(world: World) -> None:
    identities = [await world.reject("support", b"%d" % n) for n in range(KEPT + 2)]
    await world.reject("other", None)
    page = (await world.api.get("/v1/rejected", params={"system": "support", "limit": 2})).json()
    rest = (await world.api.get("/v1/rejected", params={"system": "support", "after": page["next"]})).json()
    assert [item["body_text"] for item in page["items"] + rest["items"]] == ["4", "3", "2"]
    assert len((await world.api.get("/v1/rejected")).json()["items"]) == KEPT + 1
    assert (await world.api.get(f"/v1/rejected/{identities[0]}")).status_code == 404


async def test_a_rejected_record_is_shown_as_it_arrived(world: World) -> None:
    body = b'{"a": "' + b"x" * 10_000 + b'"'
    identity = await world.reject("support", body, (("ce_id", b"\xff"), ("a\0", b"b"), ("empty", None)))
    listed = (await world.api.get("/v1/rejected")).json()["items"][0]
    whole = (await world.api.get(f"/v1/rejected/{identity}")).json()
    assert (len(listed["body_text"]), listed["body_bytes"]) == (2_000, len(body))
    assert whole["body_text"] == body.decode()
    assert whole["key_base64"] == "/2tleQ=="
    assert [header["value_base64"] or header["value_text"] for header in whole["headers"]] == ["/w==", "b", None]
    assert whole["field"] == "da\ufffdta"


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


async def test_events_are_published_as_they_are(world: World, broker: MockBroker) -> None:
    events = [b'{"subject": "support", "n": 1.10}', b'{"subject": "support"}', b"not json"]
    answer = await world.api.post("/v1/events", content=b"\n".join(events))
    assert (answer.status_code, answer.json()) == (202, {"accepted": 3, "unkeyed": 1})
    found = await asyncio.to_thread(on_broker, broker, 3)
    assert [body for key, body, _ in found if key == b"support"] == events[:2]
    assert [body for key, body, _ in found if key == b"unknown"] == events[2:]
    assert {headers["content-type"] for _, _, headers in found} == {b"application/cloudevents+json"}


async def test_events_are_not_accepted_before_the_broker_has_them(world: World, broker: MockBroker) -> None:
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
async def test_a_request_out_of_bounds_is_refused_as_a_whole(world: World, body: bytes, status: int) -> None:
    answer = await world.api.post("/v1/events", content=body)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


async def test_the_live_view_shows_what_is_and_then_each_change(world: World) -> None:
    for system, cause in (("support", "first"), ("support", "second"), ("other", "third")):
        await world.put(system, cause)
    routes = LiveRoutes(Reads(world.database), 1, world.health)
    stream = aiter((await routes.live("support")).body_iterator)
    assert (await anext(stream)).startswith(":")
    assert '"cause": "second"' in await anext(stream)
    with pytest.raises(ProblemError):
        await routes.live("support")
    await world.put("support", "fourth")
    last = await anext(stream)
    assert '"cause": "fourth"' in last
    world.health.stopping = True
    assert [chunk async for chunk in stream] == []
    world.health.stopping = False
    await world.put("support", "fifth")
    resumed = aiter((await routes.live("support", last_event_id=int(last.split("id: ")[1].split()[0]))).body_iterator)
    await anext(resumed)
    assert '"cause": "fifth"' in await anext(resumed)


async def test_the_document_is_openapi_3_1_and_every_operation_wants_a_token(world: World) -> None:
    document: dict[str, Any] = (await world.api.get("/openapi.json", headers={"Authorization": ""})).json()
    assert document["openapi"].startswith("3.1")
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert len(operations) == 11
    assert all(operation["security"] for operation in operations)
    for path, methods in document["paths"].items():
        for method in methods:
            answer = await world.api.request(
                method, path.format(system="a", identity=uuid4()), headers={"Authorization": ""}
            )
            assert answer.status_code == 401, path
