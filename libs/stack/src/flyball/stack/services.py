"""Run Flyball's services: all in this event loop, or each replica as a process of its own.

A service registers `X.app:serve` under the entry point group "flyball.services"; `serve(environment)` runs until it
is cancelled, and `python -m X` calls it with os.environ. FLYBALL_HTTP_PORT is where it answers `/ready`, and
FLYBALL_<NAME>_URL (dashes as underscores) says where every service that was started together answers.
"""

import asyncio
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from flyball.stack.errors import StackError
from flyball.stack.ports import LOOPBACK, claim_port
from flyball.stack.process import POLL_SECONDS, ChildProcess

GROUP = "flyball.services"
HTTP_PORT = "FLYBALL_HTTP_PORT"
READY_DEADLINE_SECONDS = 90.0
ANSWER_SECONDS = 2.0

Serve = Callable[[Mapping[str, str]], Awaitable[None]]


def discover() -> dict[str, EntryPoint]:
    """Every installed service by name, in the order of names."""
    return {entry.name: entry for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name)}


def _select(names: Iterable[str] | None) -> dict[str, EntryPoint]:
    known = discover()
    wanted = list(known if names is None else names)
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise StackError(f"no service {unknown[0]!r} is installed, only {', '.join(known)}: run `make install`")
    return {name: known[name] for name in wanted}


def load(names: Iterable[str] | None = None) -> None:
    """Import all services (or those named), which takes seconds: from a thread, while servers start."""
    for entry in _select(names).values():
        entry.load()


def url_variable(name: str) -> str:
    """The setting that tells other services where this one answers, for example FLYBALL_BUDGET_LEDGER_URL."""
    return f"FLYBALL_{name.upper().replace('-', '_')}_URL"


async def answers_ready(url: str) -> bool:
    """True when GET url/ready says 200."""
    return await asyncio.to_thread(_get_ready, url)


def _get_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/ready", timeout=ANSWER_SECONDS) as answer:  # noqa: S310  loopback
            return bool(answer.status == HTTPStatus.OK)
    except (urllib.error.URLError, OSError):
        return False


@asynccontextmanager
async def embedded_services(
    environment: Mapping[str, str],
    names: Iterable[str] | None = None,
    ready_deadline_seconds: float = READY_DEADLINE_SECONDS,
) -> AsyncIterator[dict[str, str]]:
    """All services (or those named) in this event loop; yields {name: URL} when each answers `/ready`.

    A service that ends by itself or raises cancels the body and the others (an ExceptionGroup says which).
    Raises StackError for an unknown name, or when a service is not ready by the deadline.
    """
    chosen = _select(names)
    ports = {name: claim_port(0, f"the HTTP port of {name}") for name in chosen}
    urls = {name: f"http://{LOOPBACK}:{port}" for name, port in ports.items()}
    shared = {**environment, **{url_variable(name): url for name, url in urls.items()}}
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(_serve_until_cancelled(entry, {**shared, HTTP_PORT: str(ports[name])}), name=name)
            for name, entry in chosen.items()
        ]
        try:
            for name, url in urls.items():
                await _wait_ready(name, url, ready_deadline_seconds)
            yield urls
        finally:
            for task in tasks:
                task.cancel()


async def _serve_until_cancelled(entry: EntryPoint, environment: Mapping[str, str]) -> None:
    serve: Serve = entry.load()
    await serve(environment)
    raise StackError(f"service {entry.name} ended by itself: see what it logged above")


async def _wait_ready(name: str, url: str, deadline_seconds: float) -> None:
    deadline = time.monotonic() + deadline_seconds
    while not await answers_ready(url):
        if time.monotonic() > deadline:
            raise StackError(f"service {name} is not ready after {deadline_seconds:.0f} s: see `curl {url}/ready`")
        await asyncio.sleep(POLL_SECONDS)


class ServiceProcess:
    """One replica of a service as `python -m <module>`; its log is `directory/<name>-<replica>.log`."""

    def __init__(
        self, name: str, environment: Mapping[str, str], directory: Path, *, replica: int = 1, port: int = 0
    ) -> None:
        """`environment` is added to os.environ. StackError for an unknown service, PortBusy for a port in use."""
        module = _select([name])[name].module.partition(".")[0]
        self.name = name
        self.replica = replica
        self.port = claim_port(port, f"the HTTP port of {name}")
        self.url = f"http://{LOOPBACK}:{self.port}"
        self.process = ChildProcess(
            f"{name} (replica {replica})",
            [sys.executable, "-m", module],
            directory.absolute() / f"{name}-{replica}.log",
            environment={**os.environ, **environment, HTTP_PORT: str(self.port)},
        )

    @property
    def running(self) -> bool:
        """True between start and end."""
        return self.process.running

    def spawn(self) -> None:
        """Fork it now, without waiting for `/ready`."""
        self.process.spawn()

    async def start(self, deadline_seconds: float = READY_DEADLINE_SECONDS) -> None:
        """Start and return when it answers `/ready`. StartFailed if it ends or is late."""
        self.spawn()
        await self.wait_ready(deadline_seconds)

    async def wait_ready(self, deadline_seconds: float = READY_DEADLINE_SECONDS) -> None:
        """Return when it answers `/ready`. StartFailed if it ends or is late."""
        await self.process.wait_ready(lambda: answers_ready(self.url), deadline_seconds)

    async def kill(self) -> None:
        """SIGKILL."""
        await self.process.kill()

    def pause(self) -> None:
        """SIGSTOP."""
        self.process.pause()

    def resume(self) -> None:
        """SIGCONT."""
        self.process.resume()

    async def stop(self, deadline_seconds: float = 20.0) -> bool:
        """SIGTERM, SIGKILL at the deadline; True if it ended by itself."""
        return await self.process.stop(deadline_seconds)

    async def restart(self) -> None:
        """Start again on the same port, after kill() or stop() (which it does first if need be)."""
        await self.stop()
        await self.start()
