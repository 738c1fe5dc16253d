"""Console's API on a real Postgres and a broker that speaks Kafka's protocol."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID, uuid4

import httpx
import pytest

from console.adapters.neighbours import NAMES
from console.adapters.services import open_service
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
            "FLYBALL_API_TOKENS": f"ada:admin:{sha256(TOKEN.encode()).hexdigest()}",
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
        app = application(settings, console, database, publisher, dict.fromkeys(NAMES, away), health)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://console", headers=headers) as api:
            yield World(console, database, api, health)
