"""The local broker, Postgres and Redis, for the demo, the tests and `flyball up`; always on loopback."""

from flyball.stack.errors import PortBusy, StackError, StartFailed
from flyball.stack.kafka import KafkaCluster, KafkaNode
from flyball.stack.local import LocalStack, StackPorts
from flyball.stack.mock_broker import MockBroker
from flyball.stack.postgres import Postgres
from flyball.stack.process import ChildProcess
from flyball.stack.redis import Redis
from flyball.stack.services import ServiceProcess, discover, embedded_services

__all__ = [
    "ChildProcess",
    "KafkaCluster",
    "KafkaNode",
    "LocalStack",
    "MockBroker",
    "PortBusy",
    "Postgres",
    "Redis",
    "ServiceProcess",
    "StackError",
    "StackPorts",
    "StartFailed",
    "discover",
    "embedded_services",
]
