"""Apache Kafka in KRaft mode on loopback: one node or three, each controller and broker at once."""

import asyncio
import json
import logging
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Coroutine, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from flyball.stack.errors import StackError
from flyball.stack.kafka_jars import find_java, kafka_jars
from flyball.stack.kafka_settings import LOG4J2, NodePorts, server_properties
from flyball.stack.ports import LOOPBACK, claim_port
from flyball.stack.process import ChildProcess

# librdkafka writes each refused connection to stderr; while a broker starts that is noise.
silent_logger = logging.getLogger("flyball.stack.librdkafka")
silent_logger.addHandler(logging.NullHandler())
silent_logger.propagate = False
NODES_MAX = 3
START_DEADLINE_SECONDS = 90.0
FORMAT_DEADLINE_SECONDS = 60.0
# A node that has lost its quorum (its peers stopped first) waits minutes for a controller before it ends.
STOP_DEADLINE_SECONDS = 12.0
ANSWER_SECONDS = 2.0


class KafkaNode:
    """One node. Its data stay in `directory/data` over kill() and restart(); its log is `directory/kafka.log`."""

    def __init__(
        self, node_id: int, ports: Sequence[NodePorts], directory: Path, cluster_id: str, *, detached: bool = False
    ) -> None:
        self.node_id = node_id
        self.directory = directory.absolute()
        self.log_path = self.directory / "kafka.log"
        self._ports = tuple(ports)
        self._cluster_id = cluster_id
        self._detached = detached
        self._process: ChildProcess | None = None

    @property
    def bootstrap(self) -> str:
        """127.0.0.1:port of this node."""
        return f"{LOOPBACK}:{self._ports[self.node_id - 1].broker}"

    @property
    def process(self) -> ChildProcess:
        """The running (or last) process; StackError before the first start."""
        if self._process is None:
            raise StackError(f"Kafka node {self.node_id} was not started: call start() first")
        return self._process

    @property
    def running(self) -> bool:
        """True between start and end."""
        return self._process is not None and self._process.running

    async def start(self) -> None:
        """Start and return when the node serves metadata. In a new cluster start all nodes together."""
        await self.spawn()
        await self.wait_ready()

    async def spawn(self) -> None:
        """Format the data folder if it is new, fork the broker, do not wait. PortBusy or StartFailed."""
        mine = self._ports[self.node_id - 1]
        claim_port(mine.broker, f"Kafka node {self.node_id}")
        claim_port(mine.controller, f"the controller of Kafka node {self.node_id}")
        jars = await kafka_jars()
        if self._process is None:
            self._write_configuration()
            if not (self.directory / "data" / "meta.properties").exists():
                await self._format(jars)
            command = self._java(jars, "512m", "kafka.Kafka", str(self.directory / "server.properties"))
            self._process = ChildProcess(f"Kafka node {self.node_id}", command, self.log_path, detached=self._detached)
        self._process.spawn()

    async def wait_ready(self, deadline_seconds: float = START_DEADLINE_SECONDS) -> None:
        """Return when the node answers a metadata request and names itself among the brokers."""
        await self.process.wait_ready(lambda: serves(self.bootstrap, {self.node_id}), deadline_seconds)

    async def kill(self) -> None:
        """SIGKILL: nothing is flushed, nobody is told."""
        await self.process.kill()

    async def stop(self) -> None:
        """Graceful end: leadership moves away first. Killed at the deadline."""
        if self._process is not None:
            await self._process.stop(STOP_DEADLINE_SECONDS)

    async def restart(self) -> None:
        """Start again on the same ports and data, after kill() or stop() (which it does first if need be)."""
        await self.stop()
        await self.start()

    def pause(self) -> None:
        """SIGSTOP."""
        self.process.pause()

    def resume(self) -> None:
        """SIGCONT."""
        self.process.resume()

    def _write_configuration(self) -> None:
        data = self.directory / "data"
        data.mkdir(parents=True, exist_ok=True)
        properties = server_properties(self.node_id, self._ports, data)
        (self.directory / "server.properties").write_text(properties)
        (self.directory / "log4j2.xml").write_text(LOG4J2)

    async def _format(self, jars: Path) -> None:
        properties = str(self.directory / "server.properties")
        # With an equals sign: one id in 64 begins with a dash, and would be taken for an option.
        given = ("format", f"--cluster-id={self._cluster_id}", "--config", properties)
        tool = self._java(jars, "128m", "kafka.tools.StorageTool", *given)
        process = ChildProcess(f"Kafka's storage tool for node {self.node_id}", tool, self.directory / "format.log")
        process.spawn()
        try:
            status = await process.wait(FORMAT_DEADLINE_SECONDS)
        finally:
            await process.kill()
        if status != 0:
            raise StackError(f"Kafka cannot format {self.directory / 'data'}:\n{process.log_tail()}")

    def _java(self, jars: Path, heap: str, *arguments: str) -> list[str]:
        options = [f"-Xmx{heap}", "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError", "-Djava.awt.headless=true"]
        # A local broker lives for minutes, in which the second compiler takes more than it gives: measured, 40 % of
        # the processor time of a start, and of 500 requests a second.
        options.append("-XX:TieredStopAtLevel=1")
        log4j = f"-Dlog4j2.configurationFile={self.directory / 'log4j2.xml'}"
        return [find_java(), *options, log4j, "-cp", f"{jars}/*", *arguments]


class KafkaCluster:
    """One node or three together; by start() and stop(), or as an async context manager, which kills at exit."""

    def __init__(
        self,
        nodes: int = 1,
        directory: Path = Path(".stack/kafka"),
        ports: Sequence[int] = (),
        *,
        detached: bool = False,
    ) -> None:
        """`ports`: one client port for each node, 0 or nothing for a free one. StackError for another count."""
        if not 1 <= nodes <= NODES_MAX or len(ports) not in (0, nodes):
            raise StackError(
                f"Kafka runs here on 1 to {NODES_MAX} nodes, with one port for each or none: give --nodes 1 or 3"
            )
        self.directory = directory.absolute()
        self._size = nodes
        self._wanted_ports = tuple(ports) or (0,) * nodes
        self._detached = detached
        self.nodes: list[KafkaNode] = []

    @property
    def bootstrap(self) -> str:
        """host:port of every node, with commas; valid from the first start on."""
        return ",".join(node.bootstrap for node in self.nodes)

    async def start(self) -> None:
        """Start all nodes; returns when each of them sees all the others. Leaves nothing running if it fails."""
        if not self.nodes:
            self._make_nodes()
        try:
            await _together(node.spawn() for node in self.nodes)
            await self.wait_ready()
        except BaseException:
            await self.kill()
            raise

    async def wait_ready(self, deadline_seconds: float = START_DEADLINE_SECONDS) -> None:
        """Return when every running node answers a metadata request that names all running nodes."""
        running = [node for node in self.nodes if node.running]
        expected = {node.node_id for node in running}

        async def wait_for(node: KafkaNode) -> None:
            await node.process.wait_ready(lambda: serves(node.bootstrap, expected), deadline_seconds)

        await _together(wait_for(node) for node in running)

    async def kill(self) -> None:
        """SIGKILL all nodes."""
        await _together(node.kill() for node in self.nodes if node.running)

    async def stop(self) -> None:
        """End all nodes gracefully, at once; those that have lost their quorum are killed at the deadline."""
        await _together(node.stop() for node in self.nodes)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Not stop(): nodes that lose their quorum together wait long for each other, and Kafka survives a kill.
        await self.kill()

    def _make_nodes(self) -> None:
        ports = [
            NodePorts(claim_port(port, "Kafka"), claim_port(0, "a Kafka controller")) for port in self._wanted_ports
        ]
        cluster_id = self._cluster_id()
        self.nodes = [
            KafkaNode(number, ports, self.directory / f"node-{number}", cluster_id, detached=self._detached)
            for number in range(1, self._size + 1)
        ]

    def _cluster_id(self) -> str:
        """The identity of the cluster whose data are in the folder, or a new one. StackError for another node count."""
        record = self.directory / "cluster.json"
        if not record.exists():
            self.directory.mkdir(parents=True, exist_ok=True)
            new_id = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
            record.write_text(json.dumps({"cluster_id": new_id, "nodes": self._size}))
        stored = json.loads(record.read_text())
        if stored["nodes"] != self._size:
            raise StackError(
                f"{self.directory} holds a cluster of {stored['nodes']} nodes, not {self._size}: "
                f"give --nodes {stored['nodes']}, another directory, or remove it with `rm -r {self.directory}`"
            )
        return str(stored["cluster_id"])


async def _together(actions: Iterable[Coroutine[None, None, None]]) -> None:
    """All at once. The first failure cancels the others and is raised once they ended: none starts a node later."""
    try:
        async with asyncio.TaskGroup() as group:
            for action in actions:
                group.create_task(action)
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None


async def serves(bootstrap: str, node_ids: set[int]) -> bool:
    """True when the broker at `bootstrap` answers a metadata request that names all of these nodes."""
    return await asyncio.to_thread(_names, bootstrap, node_ids)


def _names(bootstrap: str, node_ids: set[int]) -> bool:
    try:
        client = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0}, logger=silent_logger)
        return node_ids <= set(client.list_topics(timeout=ANSWER_SECONDS).brokers)
    except KafkaException:
        return False
