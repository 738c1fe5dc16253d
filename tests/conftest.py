"""What tests on real servers share: one broker, Postgres and Redis for the session, and two services on them."""

from collections.abc import AsyncIterator, Iterator, Mapping
from uuid import uuid4

import pytest
import pytest_asyncio

from flyball.bus.settings import KafkaSettings
from flyball.bus.topics import open_topic_admin
from flyball.schemas.topics import TOPICS
from flyball.stack import LocalStack, ServiceProcess
from tests.wire.outside import Answers, Broker

SERVICE_TOKEN = "token-of-the-tests-on-loopback"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def full_stack() -> AsyncIterator[LocalStack]:
    """Apache Kafka (one node) with every topic of the table, Postgres and Redis. Tests use systems of their own."""
    async with LocalStack("full") as stack:
        async with open_topic_admin(KafkaSettings.from_environment(stack.environment)) as admin:
            await admin.apply(TOPICS)
        yield stack


@pytest.fixture(scope="session")
def environment(full_stack: LocalStack) -> Mapping[str, str]:
    """Settings of every service on the full stack."""
    # Traces are told sooner than agents would like, so that tests need not wait for them.
    soon = {"FLYBALL_OTLP_SETTLE_SECONDS": "2", "FLYBALL_OTLP_TICK_SECONDS": "0.5"}
    # As under chaos: what a test has killed leaves its group sooner, and the next replica need not wait for it.
    missed = {"FLYBALL_KAFKA_SESSION_TIMEOUT_MS": "6000"}
    return {**full_stack.environment, "FLYBALL_SERVICE_TOKEN": SERVICE_TOKEN, **soon, **missed}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def services(
    environment: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[dict[str, ServiceProcess]]:
    """telemetry-ingest and budget-ledger, a process each; pytest keeps their logs."""
    logs = tmp_path_factory.mktemp("services")
    running = {name: ServiceProcess(name, environment, logs) for name in ("telemetry-ingest", "budget-ledger")}
    try:
        for service in running.values():
            service.spawn()
        for service in running.values():
            await service.wait_ready()
        yield running
    finally:
        for service in running.values():
            await service.kill()


@pytest.fixture(scope="session")
def broker(full_stack: LocalStack) -> Broker:
    return Broker(full_stack.environment["FLYBALL_KAFKA"])


@pytest.fixture
def answers(services: Mapping[str, ServiceProcess]) -> Iterator[Answers]:
    """What the services answer; no test may end one of them."""
    yield Answers({name: service.url for name, service in services.items()}, SERVICE_TOKEN)
    for service in services.values():
        assert service.running, f"{service.name} ended:\n{service.process.log_tail()}"


@pytest.fixture
def system() -> str:
    """A name nobody else uses, so that tests can share the servers."""
    return f"system-{uuid4().hex[:12]}"
