"""Servers and services of a measurement: a fresh stack, a database for each run, and what was committed when."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import psutil
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from flyball.bus.settings import KafkaSettings
from flyball.bus.topics import open_topic_admin
from flyball.schemas.topics import TOPICS
from flyball.stack import ChildProcess, LocalStack, ServiceProcess
from flyball.store.redis import open_redis
from flyball.store.settings import StoreSettings
from tests.bench.figures import Rate

POLL_SECONDS = 0.02
DEADLINE_SECONDS = 900.0
SECONDS_MAX = 60.0
"""For one answer of the broker."""
ERRORS = 3
"""Of librdkafka's levels: it tells of everything that it clears away."""
FRESH: Mapping[str, str] = {}
"""Nothing given: a measurement never runs on servers that somebody else uses."""


@dataclass(slots=True)
class Bench:
    """A running stack."""

    stack: LocalStack
    logs: Path
    _databases: int = field(default=0)

    @property
    def kafka(self) -> str:
        return self.stack.environment["FLYBALL_KAFKA"]

    @property
    def postgres(self) -> ChildProcess:
        return next(process for process in self.stack.processes if "Postgres" in process.name)

    async def environment(self) -> dict[str, str]:
        """Settings with a database and a Redis of their own, both empty."""
        self._databases += 1
        given = self.stack.environment
        name = f"bench_{self._databases}"
        connection = await asyncpg.connect(given["FLYBALL_POSTGRES"])
        try:
            await connection.execute(f"CREATE DATABASE {name}")
        finally:
            await connection.close()
        environment = {
            **given,
            "FLYBALL_POSTGRES": urlsplit(given["FLYBALL_POSTGRES"])._replace(path=f"/{name}").geturl(),
            "FLYBALL_REDIS": urlsplit(given["FLYBALL_REDIS"])._replace(path=f"/{self._databases % 16}").geturl(),
            "FLYBALL_SERVICE_TOKEN": "token-of-the-bench-on-loopback",
            "FLYBALL_API_TOKENS": f"bench:admin:{sha256(b'bench').hexdigest()}",
            "FLYBALL_AUDIT_KEY_FILE": str(self.logs / f"{name}-key.pem"),
            "FLYBALL_AUDIT_CHECKPOINT_FILE": str(self.logs / f"{name}-checkpoints.jsonl"),
            "FLYBALL_LOG_LEVEL": "WARNING",
        }
        async with open_redis(StoreSettings.from_environment(environment)) as client:
            # There are sixteen of them, and a long part takes more.
            await client.flushdb()
        return environment

    @asynccontextmanager
    async def service(self, name: str, environment: Mapping[str, str]) -> AsyncIterator[ServiceProcess]:
        """A replica that runs, started without waiting for it to be ready."""
        service = ServiceProcess(name, environment, self.logs)
        service.spawn()
        try:
            yield service
        finally:
            await service.stop()


def forget_groups(bootstrap: str, name: str) -> None:
    """So that the next service does not wait for members of this one."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": ERRORS})
    groups = [one.group_id for one in admin.list_consumer_groups().result(SECONDS_MAX).valid]
    ours = [group for group in groups if group.startswith(f"{name}.")]
    for group, deleted in admin.delete_consumer_groups(ours).items() if ours else ():
        try:
            deleted.result(SECONDS_MAX)
        except KafkaException as error:
            # A member that was killed is waited for, which takes the time of the next start alone.
            print(f"{group} is left: {error}", flush=True)


@asynccontextmanager
async def stores() -> AsyncIterator[Bench]:
    """Postgres and Redis, without Kafka."""
    async with LocalStack("full", given={"FLYBALL_KAFKA": "127.0.0.1:1"}) as stack:
        yield Bench(stack, Path(stack.directory) / "services")


@asynccontextmanager
async def bench() -> AsyncIterator[Bench]:
    """Apache Kafka (one node) with all topics, Postgres and Redis, fresh and gone at the end."""
    async with LocalStack("full", given=FRESH) as stack:
        async with open_topic_admin(KafkaSettings.from_environment(stack.environment)) as admin:
            await admin.apply(TOPICS)
        yield Bench(stack, Path(stack.directory) / "services")


async def committed_rate(
    environment: Mapping[str, str],
    schema: str,
    topic: str,
    goal: int,
    before: int,
    worked: Callable[[], float],
    *more: tuple[str, int],
) -> Rate:
    """From the first commit that is seen until ``goal`` records of ``topic`` are committed; starting up is left out.

    ``before`` of them were committed by an earlier run; ``worked`` tells processor seconds; ``more`` are topics and how
    many records of these must be committed too. TimeoutError after a quarter of an hour.
    """
    connection = await asyncpg.connect(environment["FLYBALL_POSTGRES"])
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            while (begun := await _committed(connection, schema, topic)) <= before:
                await asyncio.sleep(POLL_SECONDS)
            if begun >= goal:
                raise RuntimeError(
                    f"all {goal:,} records of {topic} were committed before the first look: measure more"
                )
            started_at, worked_before = time.monotonic(), worked()
            for name, count in ((topic, goal), *more):
                while await _committed(connection, schema, name) < count:
                    await asyncio.sleep(POLL_SECONDS)
            return Rate(goal - begun, time.monotonic() - started_at, worked() - worked_before)
    finally:
        await connection.close()


async def _committed(connection: asyncpg.Connection, schema: str, topic: str) -> int:
    if await connection.fetchval("SELECT to_regclass($1)", f"{schema}.positions") is None:
        return 0
    return int(
        await connection.fetchval(
            f"SELECT coalesce(sum(next_offset), 0) FROM {schema}.positions WHERE topic = $1", topic
        )
    )


def worked_by(*processes: ChildProcess) -> Callable[[], float]:
    """Processor seconds of these processes and their descendants so far."""

    def seconds() -> float:
        parents = [psutil.Process(process.pid) for process in processes]
        family = [member for parent in parents for member in (parent, *parent.children(recursive=True))]
        return sum(sum(member.cpu_times()[:2]) for member in family)

    return seconds


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident bytes of a process now, and at most since its start."""

    now: int
    peak: int


def memory_of(service: ServiceProcess) -> Memory:
    pid = service.process.pid
    status = Path(f"/proc/{pid}/status").read_text()
    peak = next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))
    return Memory(psutil.Process(pid).memory_info().rss, peak)
