"""Events over HTTP for those without Kafka: accepted once the broker has them, judged by telemetry-ingest."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel

from console.api.access import check_speaks_for, requires
from console.api.bodies import body_of, media_type_of
from console.api.problems import ProblemError, busy, documented
from console.domain.batches import BatchError, events_in, key_of, tenant_of
from console.domain.roles import Caller
from flyball.bus.relay import Publisher
from flyball.schemas.topics import AGENT_EVENTS
from flyball.store.errors import Transient
from flyball.store.ports import Outgoing

EVENT_BYTES_MAX = AGENT_EVENTS.record_bytes_max - 4_096
"""The rest of what the topic takes is for key, headers and framing."""
STRUCTURED = (("content-type", b"application/cloudevents+json"),)
EVENT = {"type": "object", "description": "a CloudEvent in structured mode; schemas/json/agent.events.v1.json"}
BODY = {
    "required": True,
    "content": {
        "application/json": {"schema": {"oneOf": [EVENT, {"type": "array", "items": EVENT}]}},
        "application/cloudevents+json": {"schema": EVENT},
        "application/cloudevents-batch+json": {"schema": {"type": "array", "items": EVENT}},
        "application/x-ndjson": {"schema": {"type": "string", "description": "one event on each line"}},
    },
}


class EventsAccepted(BaseModel):
    """``accepted`` events are on agent.events.v1, in the order of the request; ``unkeyed`` had no readable subject."""

    accepted: int
    unkeyed: int


@dataclass(frozen=True, slots=True)
class EventLimits:
    request_bytes_max: int
    request_events_max: int
    requests_at_once_max: int
    publish_seconds_max: float


class EventRoutes:
    def __init__(self, publisher: Publisher, limits: EventLimits) -> None:
        self._publisher, self._limits = publisher, limits
        self._slots = asyncio.Semaphore(limits.requests_at_once_max)

    def router(self) -> APIRouter:
        router = APIRouter(tags=["events"])
        router.add_api_route(
            "/v1/events",
            self.send,
            methods=["POST"],
            status_code=202,
            responses=documented(400, 413, 503),
            openapi_extra={"requestBody": BODY},
        )
        return router

    async def send(self, request: Request, caller: Annotated[Caller, requires("agent")]) -> EventsAccepted:
        """Publish events as they are. Sending a request again is safe: an event counts once by its source and id.

        A token that is bound to systems sends events of theirs alone, with a subject that can be read.
        """
        async with self._slot():
            body = await body_of(request, self._limits.request_bytes_max)
            messages = self._messages(body, media_type_of(request))
            _check_own(caller, messages)
            await self._publish(messages)
        unkeyed = sum(message.key == b"unknown" for message in messages)
        return EventsAccepted(accepted=len(messages), unkeyed=unkeyed)

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        """Requests do not queue here: who comes too early is told so, and holds no body in memory meanwhile."""
        if self._slots.locked():
            raise busy("too many senders at once", "console takes other events right now; send this again in a moment")
        async with self._slots:
            yield

    def _messages(self, body: bytes, media_type: str) -> list[Outgoing]:
        events_max = self._limits.request_events_max
        try:
            events = list(islice(events_in(body, media_type), events_max + 1))
        except BatchError as error:
            raise ProblemError(
                400, "the events cannot be told apart", f"{error}. Nothing was published; send them as NDJSON."
            ) from error
        if not events:
            raise ProblemError(400, "no event in the body", "send a JSON object, an array, or one object a line")
        if len(events) > events_max:
            raise ProblemError(413, "too many events", f"a request may have {events_max}; nothing was published")
        for index, event in enumerate(events):
            if len(event) > EVENT_BYTES_MAX:
                detail = f"event {index} has {len(event)} bytes, {EVENT_BYTES_MAX} are allowed; nothing was published"
                raise ProblemError(413, "an event is too large", detail)
        return [Outgoing(AGENT_EVENTS.name, key_of(event), STRUCTURED, event) for event in events]

    async def _publish(self, messages: list[Outgoing]) -> None:
        try:
            async with asyncio.timeout(self._limits.publish_seconds_max):
                await self._publisher.publish(messages)
        except (Transient, TimeoutError) as error:
            cause = str(error) or f"no answer in {self._limits.publish_seconds_max:g} s"
            raise busy(
                "the broker is away",
                f"Kafka has not acknowledged all of the {len(messages)} events: {cause}. Send them all again: what did"
                " arrive is told by its id and not counted twice.",
            ) from error


def _check_own(caller: Caller, messages: list[Outgoing]) -> None:
    """All of them, or nothing is published. An event counts for whom it says, so what nobody can read is refused."""
    if caller.systems is None:
        return
    for index, message in enumerate(messages):
        system, tenant = message.key.decode(), tenant_of(message.body)
        check_speaks_for(caller, system, tenant or "unreadable", of=f"event {index}")
