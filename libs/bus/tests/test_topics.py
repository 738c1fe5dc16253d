from flyball.bus.topics import FoundTopic, differences
from flyball.schemas.topics import TOPICS


def test_a_broker_as_declared_has_no_differences() -> None:
    found = {topic.name: FoundTopic(topic.partitions, topic.settings()) for topic in TOPICS}
    assert differences(TOPICS, found) == []


def test_what_is_absent_is_created() -> None:
    assert {(d.topic, d.action) for d in differences(TOPICS, {})} == {(topic.name, "create") for topic in TOPICS}


def test_partitions_are_added_and_never_removed() -> None:
    topic = TOPICS[0]
    for partitions, action in ((1, "add partitions"), (99, "none: Kafka removes no partitions")):
        found = {topic.name: FoundTopic(partitions, topic.settings())}
        assert [d.action for d in differences([topic], found)] == [action]


def test_a_setting_that_drifted_is_named() -> None:
    topic = TOPICS[0]
    found = {topic.name: FoundTopic(topic.partitions, {**topic.settings(), "message.timestamp.type": "CreateTime"})}
    (difference,) = differences([topic], found)
    assert (difference.setting, difference.wanted, difference.found) == (
        "message.timestamp.type",
        "LogAppendTime",
        "CreateTime",
    )
