"""The table of topics as AsyncAPI 3.0, for people and tools that know Kafka but not our code."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal

from flyball.schemas.native import AgentEvent
from flyball.schemas.topics import Topic

TITLE: Final = "Flyball"
VERSION: Final = "1.0.0"
DESCRIPTION: Final = (
    "CloudEvents 1.0 over Kafka. Flyball's own services write binary mode: ce_ headers and the data as JSON body. "
    "agent.events.v1 takes both modes; its schema is that of the structured one, whose `data` is binary mode's body. "
    "Readers ignore fields they do not know. otlp_spans and otlp_logs hold OpenTelemetry's own messages, named as "
    "in opentelemetry-proto; JSON of them begins with a brace."
)
PROTOBUF_FORMAT: Final = "application/vnd.google.protobuf;version=3"
SCHEMA_FORMAT: Final = "application/schema+json;version=draft-2020-12"
KAFKA_BINDING: Final = "0.5.0"
HEADERS: Final = ("ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time")


def asyncapi(topics: Sequence[Topic]) -> dict[str, Any]:
    """Channels, operations and messages of ``topics``; payloads refer to the files in ``json/`` beside it."""
    return {
        "asyncapi": "3.0.0",
        "info": {"title": TITLE, "version": VERSION, "description": DESCRIPTION},
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic) for topic in topics},
        "operations": dict(_operations(topics)),
        "components": {
            "messages": {topic.name: _message(topic) for topic in topics},
            "messageTraits": {"cloudevents-binary": {"headers": _headers()}},
        },
    }


def _channel(topic: Topic) -> Mapping[str, Any]:
    return {
        "address": topic.name,
        "description": topic.description,
        "messages": {topic.name: {"$ref": f"#/components/messages/{topic.name}"}},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "topicConfiguration": _configuration(topic),
                "bindingVersion": KAFKA_BINDING,
            }
        },
    }


def _configuration(topic: Topic) -> Mapping[str, Any]:
    """Those settings of the topic that the Kafka binding has words for; ``topics.yaml`` has them all."""
    configuration: dict[str, Any] = {
        "cleanup.policy": ["compact" if topic.retention_ms is None else "delete"],
        "max.message.bytes": topic.record_bytes_max,
    }
    if topic.retention_ms is not None:
        configuration["retention.ms"] = topic.retention_ms
    return configuration


def _message(topic: Topic) -> Mapping[str, Any]:
    message: dict[str, Any] = {
        "name": topic.name,
        "title": topic.description,
        "contentType": "application/json",
        "payload": {"schemaFormat": SCHEMA_FORMAT, "schema": {"$ref": f"./json/{topic.name}.json"}},
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": f"UTF-8: {topic.key}"},
                "bindingVersion": KAFKA_BINDING,
            }
        },
    }
    if topic.protobuf:
        payload = {"schemaFormat": PROTOBUF_FORMAT, "schema": topic.protobuf}
        return message | {"contentType": "application/x-protobuf", "payload": payload}
    if topic.model is AgentEvent:
        return message | {"contentType": "application/cloudevents+json"}
    return message | {"traits": [{"$ref": "#/components/messageTraits/cloudevents-binary"}]}


def _headers() -> Mapping[str, Any]:
    properties = {name: {"type": "string"} for name in (*HEADERS, "ce_subject", "content-type")}
    return {"type": "object", "required": list(HEADERS), "properties": properties}


def _operations(topics: Sequence[Topic]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for topic in topics:
        yield from (_operation(service, "send", topic) for service in topic.producers)
        yield from (_operation(service, "receive", topic) for service in topic.consumers)


def _operation(service: str, action: Literal["send", "receive"], topic: Topic) -> tuple[str, Mapping[str, Any]]:
    channel = f"#/channels/{topic.name}"
    return f"{service}.{action}.{topic.name}", {
        "action": action,
        "channel": {"$ref": channel},
        "messages": [{"$ref": f"{channel}/messages/{topic.name}"}],
        "tags": [{"name": service}],
    }
