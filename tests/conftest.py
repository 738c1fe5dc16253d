"""What tests on real servers share: one broker, Postgres and Redis, two services; and nothing is left out quietly."""

import os
from collections.abc import AsyncIterator, Generator, Iterator, Mapping
from uuid import uuid4

import pytest
import pytest_asyncio

from flyball.bus.settings import KafkaSettings
from flyball.bus.topics import open_topic_admin
from flyball.schemas.topics import TOPICS
from flyball.stack import LocalStack, ServiceProcess
from tests.wire.outside import Answers, Broker

NOTHING_LEFT_OUT = "FLYBALL_NOTHING_LEFT_OUT"
SERVICE_TOKEN = "token-of-the-tests-on-loopback"


class LeftOut:
    """Skips are failures under FLYBALL_NOTHING_LEFT_OUT=1, and a loud line otherwise. For the whole session."""

    def __init__(self, *, forbidden: bool) -> None:
        self._forbidden = forbidden

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        return self._judged((yield))

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        return self._judged((yield))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for report in terminalreporter.stats.get("skipped", []):
            terminalreporter.write_line(f"!!! LEFT OUT: {report.nodeid}: {_reason(report)}", red=True, bold=True)

    def _judged(self, report):
        if self._forbidden and report.skipped and not hasattr(report, "wasxfail"):
            report.longrepr = f"left out, and {NOTHING_LEFT_OUT} allows nothing to be: {_reason(report)}"
            report.outcome = "failed"
        return report


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    return report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(LeftOut(forbidden=os.environ.get(NOTHING_LEFT_OUT) == "1"), "left-out")


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
    return {**full_stack.environment, "FLYBALL_SERVICE_TOKEN": SERVICE_TOKEN}


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
