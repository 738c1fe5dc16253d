"""Servers and rules that the tests of every package share."""

import asyncio
import os
import signal
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from flyball.stack.postgres import Postgres
from flyball.stack.redis import Redis

NOTHING_LEFT_OUT = "FLYBALL_NOTHING_LEFT_OUT"
# How long an example takes says something of the machine, and of who else uses it.
settings.register_profile("flyball", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("flyball")
SHARED_SET_UP = "tests/web/"
Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


def pytest_configure() -> None:
    """A shell starts what runs in the background deaf to Ctrl-C, and children inherit it: commands under test too."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What may take longest begins first, so that no worker sits over a long file when the others are done."""
    items.sort(key=_seconds_max, reverse=True)


class _ByServers(LoadFileScheduling):
    """Files that share a set-up longer than themselves are one: another worker would make it again."""

    def _split_scope(self, nodeid: str) -> str:
        return SHARED_SET_UP if nodeid.startswith(SHARED_SET_UP) else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling | None:
    return _ByServers(config, log) if config.getvalue("dist") == "loadfile" else None


def _seconds_max(item: pytest.Item) -> float:
    mark = item.get_closest_marker("timeout")
    return float(mark.args[0]) if mark else 0.0


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _judged((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _judged((yield))


def _judged(report: Report) -> Report:
    """Where nothing may be left out, a skipped test or module has failed."""
    if report.skipped and os.environ.get(NOTHING_LEFT_OUT) and not hasattr(report, "wasxfail"):
        report.longrepr = f"left out, and {NOTHING_LEFT_OUT} is set: {_reason(report)}"
        report.outcome = "failed"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One loud line for each thing that was left out."""
    for report in terminalreporter.stats.get("skipped", []):
        terminalreporter.write_line(f"!!! LEFT OUT: {report.nodeid}: {_reason(report)}", red=True, bold=True)


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    return report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)


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
