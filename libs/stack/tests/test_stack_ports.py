"""Ports that were asked for are checked; ports that were not stay free for a restart."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from flyball.stack import KafkaCluster, PortBusy, Postgres, Redis
from flyball.stack.errors import StackError
from flyball.stack.ports import FREE_PORTS, claim_port


@pytest.fixture
def busy_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.mark.parametrize("server", [Redis, Postgres], ids=["redis", "postgres"])
async def test_a_busy_port_names_port_cause_and_next_command(server, busy_port: int, tmp_path: Path) -> None:
    with pytest.raises(PortBusy, match=rf"port {busy_port} for .*another process listens on it.*ss -ltnp"):
        await server(tmp_path, busy_port).start()


async def test_a_busy_port_stops_kafka_before_a_jvm_starts(busy_port: int, tmp_path: Path) -> None:
    cluster = KafkaCluster(1, tmp_path, [busy_port])
    with pytest.raises(PortBusy, match=f"port {busy_port} for Kafka"):
        await cluster.start()
    assert cluster.nodes == []


def test_a_number_that_is_no_port_is_refused() -> None:
    with pytest.raises(PortBusy, match="from 0 to 65535"):
        claim_port(70_000, "Redis")


def test_free_ports_are_distinct_and_below_the_ephemeral_range() -> None:
    ports = [claim_port(0, "a test") for _ in range(50)]
    assert len(set(ports)) == 50
    assert all(port in FREE_PORTS for port in ports)


CLAIM_ALL = """
from flyball.stack.errors import StackError
from flyball.stack.errors import StackError
from flyball.stack.ports import claim_port

claimed = []
try:
    while True:
        claimed.append(claim_port(0, "a test"))
except StackError:
    print(len(claimed), flush=True)
input()
"""


def test_a_port_belongs_to_the_process_that_chose_it_until_that_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing listens yet: the other stack has its port reserved while its server starts."""
    ports = range(FREE_PORTS[-1] + 1, FREE_PORTS[-1] + 201)
    monkeypatch.setattr("flyball.stack.ports.FREE_PORTS", ports)
    other = f"import flyball.stack.ports as ports\nports.FREE_PORTS = range({ports[0]}, {ports[-1] + 1})\n{CLAIM_ALL}"
    with subprocess.Popen(
        [sys.executable, "-c", other], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert int(process.stdout.readline()) > 0
        with pytest.raises(StackError, match="no free port"):
            claim_port(0, "a test")
        process.communicate("\n")
    assert claim_port(0, "a test") in ports
