"""server.properties of one local Kafka node (combined controller and broker), and its log4j2 configuration."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from flyball.stack.ports import LOOPBACK

RECORD_BYTES_MAX = 8 * 1024 * 1024
COPIES_MAX = 3


@dataclass(frozen=True, slots=True)
class NodePorts:
    """Where one node listens: for clients, and for the other controllers."""

    broker: int
    controller: int


def server_properties(node_id: int, ports: Sequence[NodePorts], data: Path) -> str:
    """The settings of node `node_id` (from 1) of a cluster that has one entry in `ports` for each node."""
    mine = ports[node_id - 1]
    nodes = len(ports)
    voters = ",".join(f"{number}@{LOOPBACK}:{each.controller}" for number, each in enumerate(ports, start=1))
    settings = {
        "process.roles": "broker,controller",
        "node.id": node_id,
        "controller.quorum.voters": voters,
        "controller.listener.names": "CONTROLLER",
        "listeners": f"BROKER://{LOOPBACK}:{mine.broker},CONTROLLER://{LOOPBACK}:{mine.controller}",
        "advertised.listeners": f"BROKER://{LOOPBACK}:{mine.broker}",
        "listener.security.protocol.map": "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "BROKER",
        "log.dirs": data,
        **_durability(nodes),
        **_limits(),
        **_pace(),
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def _durability(nodes: int) -> dict[str, object]:
    copies = min(COPIES_MAX, nodes)
    # Three copies go on without one; two would stop, so with fewer than three a single one has to do.
    in_sync_min = 2 if copies == COPIES_MAX else 1
    return {
        "default.replication.factor": copies,
        "min.insync.replicas": in_sync_min,
        "unclean.leader.election.enable": "false",
        "offsets.topic.replication.factor": copies,
        # 50 by default; they cost start-up time, and a local stack has few groups.
        "offsets.topic.num.partitions": 8,
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": in_sync_min,
        "transaction.state.log.num.partitions": 8,
        "share.coordinator.state.topic.replication.factor": copies,
        "share.coordinator.state.topic.min.isr": in_sync_min,
        # A topic comes from the table of topics; a misspelt name must fail, not make another topic.
        "auto.create.topics.enable": "false",
    }


def _limits() -> dict[str, object]:
    return {
        "message.max.bytes": RECORD_BYTES_MAX,
        "replica.fetch.max.bytes": RECORD_BYTES_MAX,
        "num.network.threads": 2,
        "num.io.threads": 4,
        "log.segment.bytes": 64 * 1024 * 1024,
    }


def _pace() -> dict[str, object]:
    return {
        # 3 s by default: waits for more members before the first assignment.
        "group.initial.rebalance.delay.ms": 0,
        # A killed broker is fenced, and may register again, only after this (9 s by default).
        "broker.session.timeout.ms": 3_000,
        "broker.heartbeat.interval.ms": 500,
        # The minimum that tests may ask of a consumer's session.
        "group.min.session.timeout.ms": 1_000,
    }


LOG4J2 = """<?xml version="1.0" encoding="UTF-8"?>
<Configuration status="warn">
  <Appenders>
    <Console name="out"><PatternLayout pattern="%d{ISO8601} %p %c{1}: %m%n"/></Console>
  </Appenders>
  <Loggers>
    <Root level="warn"><AppenderRef ref="out"/></Root>
    <Logger name="kafka.server" level="info"/>
    <Logger name="org.apache.kafka.controller" level="info"/>
    <Logger name="org.apache.kafka.coordinator.group" level="info"/>
  </Loggers>
</Configuration>
"""
