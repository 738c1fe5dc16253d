"""Servers and rules that the tests of every package share."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from flyball.stack.postgres import Postgres
from flyball.stack.redis import Redis

NOTHING_LEFT_OUT = "FLYBALL_NOTHING_LEFT_OUT"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Where nothing may be left out, a skipped test has failed."""
    outcome = yield
    report = outcome.get_result()
    if report.skipped and os.environ.get(NOTHING_LEFT_OUT) and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was left out, and {NOTHING_LEFT_OUT} is set: {report.longrepr}"


@pytest.fixture(scope="session")
def postgres_dsn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Postgres server of this session. Each test uses a schema of its own."""
    server = Postgres(_folder(tmp_path_factory, "postgres"), 0)
    asyncio.run(server.start())
    yield server.dsn
    asyncio.run(server.stop())


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """A Redis server of this session."""
    server = Redis(_folder(tmp_path_factory, "redis"), 0)
    asyncio.run(server.start())
    yield server
    asyncio.run(server.stop())


def _folder(factory: pytest.TempPathFactory, name: str) -> Path:
    # Postgres refuses to run as root and so runs as another user, who must be able to reach its data.
    folder = factory.mktemp(name)
    for part in (folder, *folder.parents[:3]):
        part.chmod(0o755)
    return folder
