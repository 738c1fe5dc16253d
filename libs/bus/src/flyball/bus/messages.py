"""Facts on their way out: binary-mode CloudEvents, one header each for what a router needs to know."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from flyball.schemas.topics import Topic
from flyball.store.ports import Outgoing


def message_of(
    topic: Topic, event: BaseModel, *, source: str, identity: UUID, key: bytes, subject: str | None, time: datetime
) -> Outgoing:
    """The message that carries ``event`` on ``topic``. ``identity`` must be the same when the same fact is made again."""
    headers = [
        ("content-type", b"application/json"),
        ("ce_specversion", b"1.0"),
        ("ce_id", str(identity).encode()),
        ("ce_source", f"/flyball/{source}".encode()),
        ("ce_type", topic.name.encode()),
        ("ce_time", time.isoformat().encode()),
    ]
    if subject is not None:
        headers.append(("ce_subject", subject.encode()))
    return Outgoing(topic.name, key, tuple(headers), event.model_dump_json().encode())


def fact(topic: Topic, event: BaseModel, *, source: str, identity: UUID, system: str, time: datetime) -> Outgoing:
    """A message about one system, keyed by it."""
    return message_of(
        topic, event, source=source, identity=identity, key=system.encode(), subject=system, time=time
    )
