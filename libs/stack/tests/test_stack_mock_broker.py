"""The mock broker speaks the real protocol, to topics that were never declared."""

from confluent_kafka import Consumer, Producer

from flyball.stack import MockBroker
from flyball.stack.mock_broker import PARTITIONS


async def test_records_headers_and_group_offsets() -> None:
    async with MockBroker() as broker:
        await broker.create_topics(["agent.events.v1"])
        producer = Producer({"bootstrap.servers": broker.bootstrap})
        producer.produce("agent.events.v1", b"body", key=b"system", headers={"ce_id": b"1"})
        assert producer.flush(10) == 0
        settings = {"bootstrap.servers": broker.bootstrap, "group.id": "g", "auto.offset.reset": "earliest"}
        consumer = Consumer({**settings, "enable.auto.commit": False})
        consumer.subscribe(["agent.events.v1"])
        record = consumer.poll(20)
        assert record is not None
        assert record.value() == b"body"
        assert record.headers() == [("ce_id", b"1")]
        committed = consumer.commit(record, asynchronous=False)
        assert [position.offset for position in committed] == [1]
        assert len(consumer.list_topics("agent.events.v1").topics["agent.events.v1"].partitions) == PARTITIONS
        consumer.close()
