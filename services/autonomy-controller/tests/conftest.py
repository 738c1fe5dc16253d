"""Servers for the tests of this service."""

from collections.abc import AsyncIterator, Mapping
from importlib.resources import files
from uuid import uuid4

import pytest
import pytest_asyncio
from autonomy_servers import AGENT_TOKEN, REPLIES, SERVICE_TOKEN

from flyball.bus.settings import KafkaSettings
from flyball.bus.topics import open_topic_admin
from flyball.schemas.topics import TOPICS
from flyball.stack import LocalStack
from flyball.store.postgres import PostgresDatabase, open_postgres
from flyball.store.settings import StoreSettings


@pytest.fixture
async def database(postgres_dsn: str) -> AsyncIterator[PostgresDatabase]:
    settings = StoreSettings.from_environment({"FLYBALL_POSTGRES": postgres_dsn})
    migrations = [files("autonomy_controller").joinpath("migrations")]
    async with open_postgres(settings, f"autonomy_{uuid4().hex[:8]}", migrations) as opened:
        yield opened


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def servers() -> AsyncIterator[Mapping[str, str]]:
    """Apache Kafka with every topic, Postgres and Redis; what a service needs to know of them."""
    async with LocalStack("full") as stack:
        async with open_topic_admin(KafkaSettings.from_environment(stack.environment)) as admin:
            await admin.apply([*TOPICS, REPLIES])
        tokens = {"FLYBALL_SERVICE_TOKEN": SERVICE_TOKEN, "FLYBALL_AGENT_TOKEN": AGENT_TOKEN}
        yield {**stack.environment, **tokens}
