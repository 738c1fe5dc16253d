"""The three servers together: LocalStack starts those that the environment does not name already."""

import asyncio
import os
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from flyball.stack import directories
from flyball.stack.errors import StackError
from flyball.stack.kafka import KafkaCluster
from flyball.stack.mock_broker import MockBroker
from flyball.stack.postgres import Postgres
from flyball.stack.process import ChildProcess
from flyball.stack.redis import Redis

KAFKA = "FLYBALL_KAFKA"
POSTGRES = "FLYBALL_POSTGRES"
REDIS = "FLYBALL_REDIS"
KAFKA_REPLICATION = "FLYBALL_KAFKA_REPLICATION"

Flavour = Literal["embedded", "full"]


@dataclass(frozen=True, slots=True)
class StackPorts:
    """Loopback ports; 0 (or no Kafka port) chooses a free one. Kafka takes one for each node."""

    kafka: tuple[int, ...] = ()
    postgres: int = 0
    redis: int = 0


class LocalStack:
    """Broker, Postgres and Redis as an async context manager.

    "embedded": librdkafka's mock broker in this process. "full": Apache Kafka, one node or three. What `given`
    (os.environ by default) names in FLYBALL_KAFKA, FLYBALL_POSTGRES or FLYBALL_REDIS is used and not started.
    Nothing is left running after exit or exception; on a signal that ends this process the kernel ends the servers.
    """

    def __init__(
        self,
        flavour: Flavour = "embedded",
        *,
        nodes: int = 1,
        directory: Path = directories.DEFAULT,
        keep: bool = False,
        ports: StackPorts = StackPorts(),
        given: Mapping[str, str] | None = None,
        detached: bool = False,
    ) -> None:
        """`keep=False`: data and logs in a new folder beneath `directory`, removed at exit; else in `directory` itself.

        StackError for an embedded stack that is to be kept: its broker would forget what its database remembers.
        """
        if flavour == "embedded" and (keep or detached):
            raise StackError("an embedded stack cannot be kept, its broker has no disk: use the full flavour")
        self.environment: dict[str, str] = {}
        self.kafka: KafkaCluster | MockBroker | None = None
        self.postgres: Postgres | None = None
        self.redis: Redis | None = None
        self._flavour = flavour
        self._nodes = nodes
        self._base = directory
        self._keep = keep
        self._ports = ports
        self._given = os.environ if given is None else given
        self._detached = detached
        self._exits = AsyncExitStack()
        self._owned: directories.OwnedDirectory | None = None

    @property
    def directory(self) -> Path:
        """Where data and logs are; StackError before the start."""
        if self._owned is None:
            raise StackError("the stack was not started: enter it with `async with`")
        return self._owned.path

    @property
    def processes(self) -> list[ChildProcess]:
        """The server processes that this stack started (none for the mock broker or a given server)."""
        nodes = self.kafka.nodes if isinstance(self.kafka, KafkaCluster) else []
        servers = [server for server in (self.postgres, self.redis) if server is not None]
        return [*(node.process for node in nodes), *(server.process for server in servers)]

    async def start(self) -> None:
        """Start what is not given, side by side; ends what has started if one of them fails."""
        make_directory = directories.kept_directory if self._keep else directories.run_directory
        self._owned = make_directory(self._base)
        self._exits.callback(self._owned.release)
        try:
            self.environment = await self._start_all()
        except BaseExceptionGroup as errors:
            await self.stop()
            # Who starts a stack knows the errors of servers, and not that they were started side by side.
            raise errors.exceptions[0] from None
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End every server that was started, newest first, then remove a folder that is not to be kept."""
        await self._exits.aclose()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _start_all(self) -> dict[str, str]:
        starts = {REDIS: self._start_redis, POSTGRES: self._start_postgres, KAFKA: self._start_kafka}
        environment = {name: given for name in starts if (given := self._given.get(name))}
        async with asyncio.TaskGroup() as group:
            tasks = {name: group.create_task(start()) for name, start in starts.items() if name not in environment}
        environment |= {name: task.result() for name, task in tasks.items()}
        if isinstance(self.kafka, KafkaCluster):
            environment[KAFKA_REPLICATION] = str(len(self.kafka.nodes))
        return environment

    async def _start_redis(self) -> str:
        self.redis = Redis(self.directory / "redis", self._ports.redis, detached=self._detached)
        self._exits.push_async_callback(self.redis.stop)
        await self.redis.start()
        return self.redis.url

    async def _start_postgres(self) -> str:
        self.postgres = Postgres(self.directory / "postgres", self._ports.postgres, detached=self._detached)
        self._exits.push_async_callback(self.postgres.stop)
        await self.postgres.start()
        return self.postgres.dsn

    async def _start_kafka(self) -> str:
        if self._flavour == "embedded":
            broker = self.kafka = MockBroker()
            self._exits.push_async_callback(broker.stop)
            await broker.start()
            return broker.bootstrap
        folder = self.directory / "kafka"
        cluster = self.kafka = KafkaCluster(self._nodes, folder, self._ports.kafka, detached=self._detached)
        # Data that nobody will read again need no graceful end.
        self._exits.push_async_callback(cluster.stop if self._keep else cluster.kill)
        await cluster.start()
        return cluster.bootstrap
