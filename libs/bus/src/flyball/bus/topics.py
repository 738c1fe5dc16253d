"""Creates what the table of topics declares, and tells what a broker has otherwise."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaConnectionError, for_code

from flyball.bus.settings import KafkaSettings
from flyball.schemas.topics import Topic
from flyball.store.errors import Transient

PRESENT_LOOKS_MAX = 100
PRESENT_LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class TopicDifference:
    """One thing that the broker has otherwise than the table. ``action`` says what ``apply`` does about it."""

    topic: str
    setting: str
    wanted: str
    found: str
    action: str


@dataclass(frozen=True, slots=True)
class FoundTopic:
    partitions: int
    settings: Mapping[str, str]


def differences(wanted: Sequence[Topic], found: Mapping[str, FoundTopic]) -> list[TopicDifference]:
    """What must change on the broker. Partitions are never taken away, so fewer wanted than found is only told."""
    result: list[TopicDifference] = []
    for topic in wanted:
        there = found.get(topic.name)
        if there is None:
            result.append(TopicDifference(topic.name, "topic", "present", "absent", "create"))
            continue
        if there.partitions != topic.partitions:
            action = "add partitions" if there.partitions < topic.partitions else "none: Kafka removes no partitions"
            result.append(
                TopicDifference(topic.name, "partitions", str(topic.partitions), str(there.partitions), action)
            )
        for name, value in topic.settings().items():
            now = there.settings.get(name, "unset")
            if now != value:
                result.append(TopicDifference(topic.name, name, value, now, "alter"))
    return result


class TopicAdmin:
    """Reads and changes topics on a broker."""

    def __init__(self, client: AIOKafkaAdminClient, replication: int) -> None:
        self._client = client
        self._replication = replication

    async def diff(self, wanted: Sequence[Topic]) -> list[TopicDifference]:
        return differences(wanted, await self._found(wanted))

    async def apply(self, wanted: Sequence[Topic]) -> list[TopicDifference]:
        """Make the broker as the table says; return what was changed. Safe to run again."""
        changes = await self.diff(wanted)
        by_name = {topic.name: topic for topic in wanted}
        for change in changes:
            await self._change(by_name[change.topic], change)
        await self._until_present(wanted)
        return changes

    async def _until_present(self, wanted: Sequence[Topic]) -> None:
        """A broker acknowledges a topic before its metadata shows it. Raises ``Transient`` if it never does."""
        names = {topic.name for topic in wanted}
        for _ in range(PRESENT_LOOKS_MAX):
            if names <= set(await self._client.list_topics()):
                return
            await asyncio.sleep(PRESENT_LOOK_SECONDS)
        raise Transient("the broker took the topics but does not list them; see its log")

    async def _change(self, topic: Topic, change: TopicDifference) -> None:
        if change.action == "create":
            response = await self._client.create_topics(
                [NewTopic(topic.name, topic.partitions, self._replication, topic_configs=topic.settings())]
            )
            _raise_for(response.topic_errors)
        elif change.action == "add partitions":
            await self._client.create_partitions({topic.name: NewPartitions(topic.partitions)})
        elif change.action == "alter":
            resource = ConfigResource(ConfigResourceType.TOPIC, topic.name, topic.settings())
            await self._client.alter_configs([resource])

    async def _found(self, wanted: Sequence[Topic]) -> dict[str, FoundTopic]:
        present = set(await self._client.list_topics()) & {topic.name for topic in wanted}
        if not present:
            return {}
        descriptions = await self._client.describe_topics(sorted(present))
        settings = await self._settings(sorted(present))
        return {d["topic"]: FoundTopic(len(d["partitions"]), settings[d["topic"]]) for d in descriptions}

    async def _settings(self, names: Sequence[str]) -> dict[str, dict[str, str]]:
        resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
        found: dict[str, dict[str, str]] = {}
        for response in await self._client.describe_configs(resources):
            for _, _, _, name, entries in response.resources:
                found[name] = {entry[0]: entry[1] for entry in entries}
        return found


def _raise_for(topic_errors: Sequence[Sequence[object]]) -> None:
    already_there = 36
    for name, code, *text in topic_errors:
        if code not in (0, already_there):
            raise for_code(code)(f"creating topic {name}: {text}")


@asynccontextmanager
async def open_topic_admin(settings: KafkaSettings) -> AsyncIterator[TopicAdmin]:
    """Raises ``Transient`` while no broker answers."""
    client = AIOKafkaAdminClient(**settings.client())
    try:
        await client.start()
    except KafkaConnectionError as error:
        raise Transient(
            f"no Kafka broker at {settings.kafka} answers, or none takes our credentials or certificate: {error}"
        ) from error
    try:
        yield TopicAdmin(client, settings.kafka_replication)
    finally:
        await client.close()
