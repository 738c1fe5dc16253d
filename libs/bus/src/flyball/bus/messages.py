"""Facts on their way out: binary-mode CloudEvents, one header each for what a router needs to know."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from flyball.schemas.envelope import headers_of
from flyball.schemas.topics import Topic
from flyball.store.ports import Outgoing


def fact(
    topic: Topic,
    event: BaseModel,
    *,
    source: str,
    identity: UUID,
    system: str,
    time: datetime,
    key: bytes | None = None,
) -> Outgoing:
    """The message that carries ``event`` about ``system`` on ``topic``, keyed by the system unless told otherwise.

    ``identity`` must come out the same when the same fact is made again.
    """
    return Outgoing(
        topic=topic.name,
        key=system.encode() if key is None else key,
        headers=headers_of(identity, f"/flyball/{source}", topic.name, time, system),
        body=event.__pydantic_serializer__.to_json(event),
    )
