"""Apache Kafka: what was acknowledged survives kill -9, with one node and with three."""

from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from flyball.stack import KafkaCluster, StackError

pytestmark = pytest.mark.stack
TOPIC = "agent.events.v1"


def create_topic(bootstrap: str, copies: int) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(TOPIC, 1, copies)], operation_timeout=20)[TOPIC].result(30)


def publish(bootstrap: str, first: int, count: int) -> None:
    """Raises where a record is not acknowledged by all in-sync replicas."""
    failures: list[KafkaError] = []
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "enable.idempotence": True})
    for number in range(first, first + count):
        producer.produce(TOPIC, str(number).encode(), on_delivery=lambda error, _: error and failures.append(error))
    assert producer.flush(60) == 0
    assert failures == []


def read_all(bootstrap: str, count: int) -> list[int]:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "reader"})
    consumer.assign([TopicPartition(TOPIC, 0, 0)])
    records = consumer.consume(count, timeout=30)
    consumer.close()
    return [int(record.value()) for record in records]


async def test_one_node_keeps_acknowledged_records_over_kill_9(tmp_path: Path) -> None:
    # One id in 64 looks like an option.
    (tmp_path / "cluster.json").write_text('{"cluster_id": "-QAuQPdyS7OgJNy9QKUcMQ", "nodes": 1}')
    async with KafkaCluster(1, tmp_path) as cluster:
        create_topic(cluster.bootstrap, copies=1)
        publish(cluster.bootstrap, 0, 500)
        node, bootstrap = cluster.nodes[0], cluster.bootstrap
        await node.kill()
        assert not node.running
        await node.restart()
        assert cluster.bootstrap == bootstrap
        assert read_all(bootstrap, 500) == list(range(500))
        assert "KafkaRaftServer" in node.log_path.read_text()


async def test_three_nodes_go_on_without_one_and_take_it_back(tmp_path: Path) -> None:
    async with KafkaCluster(3, tmp_path) as cluster:
        create_topic(cluster.bootstrap, copies=3)
        publish(cluster.bootstrap, 0, 200)
        await cluster.nodes[0].kill()
        publish(cluster.bootstrap, 200, 200)
        await cluster.nodes[0].restart()
        await cluster.wait_ready()
        assert read_all(cluster.bootstrap, 400) == list(range(400))
        misspelt = AdminClient({"bootstrap.servers": cluster.bootstrap}).list_topics("agent.event.v1", timeout=10)
        assert misspelt.topics["agent.event.v1"].error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART


@pytest.mark.parametrize(("nodes", "ports"), [(4, ()), (0, ()), (3, (9092,))])
def test_an_impossible_cluster_is_refused(nodes: int, ports: tuple[int, ...], tmp_path: Path) -> None:
    with pytest.raises(StackError, match="give --nodes 1 or 3"):
        KafkaCluster(nodes, tmp_path, ports)
