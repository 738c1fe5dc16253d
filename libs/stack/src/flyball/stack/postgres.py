"""A local Postgres: loopback TCP only, generated passwords (SCRAM), fsync on."""

import asyncio
import json
import os
import secrets
import shutil
import signal
import struct
from pathlib import Path

from flyball.stack.errors import StackError
from flyball.stack.ports import LOOPBACK, claim_port
from flyball.stack.postgres_binaries import find_binaries, server_identity
from flyball.stack.process import ChildProcess

ADMINISTRATOR = "flyball_admin"
OWNER = "flyball"
DATABASE = "flyball"
# Recovery after kill -9 replays the log; a gigabyte of it takes well under a minute.
START_DEADLINE_SECONDS = 90.0
INIT_DEADLINE_SECONDS = 60.0
PROTOCOL_VERSION_3 = 196_608


class Postgres:
    """One server. Its data stay in `directory/data` over kill() and restart(); its log is `directory/postgres.log`."""

    def __init__(self, directory: Path, port: int = 0, *, detached: bool = False) -> None:
        self.directory = directory.absolute()
        self.log_path = self.directory / "postgres.log"
        self._wanted_port = port
        self._detached = detached
        self._identity = server_identity()
        self._process: ChildProcess | None = None
        self._passwords: dict[str, str] = {}
        self.port = 0

    @property
    def dsn(self) -> str:
        """For services: a role that owns the database and may create schemas, roles and databases, not superuser."""
        return self._dsn(OWNER)

    @property
    def admin_dsn(self) -> str:
        """The superuser, for what tests must look at from outside."""
        return self._dsn(ADMINISTRATOR)

    @property
    def process(self) -> ChildProcess:
        """The running (or last) postmaster; StackError before the first start."""
        if self._process is None:
            raise StackError("Postgres was not started: call start() first")
        return self._process

    async def start(self) -> None:
        """Start on the data of before, if any (crash recovery included). PortBusy or StartFailed where it cannot."""
        self.port = claim_port(self.port or self._wanted_port, "Postgres")
        if self._process is None:
            self._process = await self._prepare()
        await self._process.start(self._answers, START_DEADLINE_SECONDS)

    async def kill(self) -> None:
        """SIGKILL of the postmaster and of every backend: the next start has to recover."""
        await self.process.kill()

    async def restart(self) -> None:
        """Start again on the same port and data, after kill() or stop() (which it does first if need be)."""
        await self.stop()
        await self.start()

    async def stop(self) -> None:
        """Fast shutdown: open transactions roll back, clients are sent away. Killed at the deadline."""
        if self._process is not None:
            await self._process.stop()

    def _dsn(self, role: str) -> str:
        if not self._passwords:
            raise StackError("Postgres was not started: call start() first")
        return f"postgresql://{role}:{self._passwords[role]}@{LOOPBACK}:{self.port}/{DATABASE}"

    async def _prepare(self) -> ChildProcess:
        self.directory.mkdir(parents=True, exist_ok=True)
        self._passwords = self._load_passwords()
        binaries = find_binaries()
        if not (self.directory / "data" / "flyball.ready").exists():
            await self._initialise(binaries)
        command = [str(binaries / "postgres"), "-D", str(self.directory / "data")]
        for name, value in self._settings().items():
            command += ["-c", f"{name}={value}"]
        return ChildProcess(
            "Postgres",
            command,
            self.log_path,
            identity=self._identity,
            # The default, SIGTERM, waits until every client has gone by itself.
            stop_signal=signal.SIGINT,
            # Unlike SIGKILL it ends the backends and frees the shared memory too.
            death_signal=signal.SIGQUIT,
            detached=self._detached,
        )

    def _load_passwords(self) -> dict[str, str]:
        path = self.directory / "passwords.json"
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(json.dumps({role: secrets.token_hex(16) for role in (ADMINISTRATOR, OWNER)}))
        stored: dict[str, str] = json.loads(path.read_text())
        return stored

    async def _initialise(self, binaries: Path) -> None:
        """initdb, then role and database by the single-user server: nothing listens before there is a password."""
        data = self.directory / "data"
        if data.exists():
            raise StackError(f"{data} was left half made by an interrupted start: remove it with `rm -r {data}`")
        data.mkdir(mode=0o700)
        self._give_to_server(data)
        try:
            await self._fill(binaries, data)
        except BaseException:
            shutil.rmtree(data, ignore_errors=True)
            raise
        (data / "flyball.ready").touch()

    async def _fill(self, binaries: Path, data: Path) -> None:
        password = self._private_file("administrator.txt", self._passwords[ADMINISTRATOR])
        create = self._private_file("create.sql", _creation_sql(self._passwords[OWNER]))
        initdb = [str(binaries / "initdb"), "-D", str(data), "-U", ADMINISTRATOR, f"--pwfile={password}"]
        await self._run([*initdb, "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"])
        single = 'exec "$0" --single -j -D "$1" postgres < "$2"'
        await self._run(["/bin/sh", "-c", single, str(binaries / "postgres"), str(data), str(create)])
        password.unlink()
        create.unlink()

    def _private_file(self, name: str, text: str) -> Path:
        path = self.directory / name
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        path.write_text(text)
        self._give_to_server(path)
        return path

    def _give_to_server(self, path: Path) -> None:
        if self._identity is not None:
            os.chown(path, self._identity.user_id, self._identity.group_id)

    async def _run(self, command: list[str]) -> None:
        log_path = self.directory / "initdb.log"
        process = ChildProcess("Postgres's initdb", command, log_path, identity=self._identity)
        process.spawn()
        try:
            status = await process.wait(INIT_DEADLINE_SECONDS)
        finally:
            await process.kill()
        if status != 0:
            raise StackError(
                f"Postgres cannot be initialised in {self.directory}:\n{process.log_tail()}\n"
                f"Give another --directory, or set FLYBALL_POSTGRES; the whole log: `less {log_path}`."
            )

    def _settings(self) -> dict[str, object]:
        return {
            "listen_addresses": LOOPBACK,
            "port": self.port,
            # TCP with a password is the only way in.
            "unix_socket_directories": "",
            "password_encryption": "scram-sha-256",
            "fsync": "on",
            "synchronous_commit": "on",
            "max_connections": 200,
            "shared_buffers": "64MB",
            "timezone": "UTC",
            "log_timezone": "UTC",
        }

    async def _answers(self) -> bool:
        """Asks for a password ('R'); while it starts or recovers, Postgres answers an error ('E')."""
        try:
            reader, writer = await asyncio.open_connection(LOOPBACK, self.port)
        except OSError:
            return False
        try:
            parameters = f"user\0{OWNER}\0database\0{DATABASE}\0\0".encode()
            writer.write(struct.pack("!ii", 8 + len(parameters), PROTOCOL_VERSION_3) + parameters)
            return await reader.read(1) == b"R"
        except OSError:
            return False
        finally:
            writer.close()


def _creation_sql(password: str) -> str:
    # A blank line ends a statement in single-user mode with -j.
    return (
        f"CREATE ROLE {OWNER} LOGIN CREATEDB CREATEROLE PASSWORD '{password}';\n\n"
        f"CREATE DATABASE {DATABASE} OWNER {OWNER};\n\n"
    )
