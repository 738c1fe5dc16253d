"""What people send: who does it is never among it, for that is the caller, whom console knows."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Path, Query, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field

from console.api.bodies import body_of
from flyball.schemas.base import Name

BODY_BYTES_MAX = 262_144
"""Parameters of an action have 64 KiB at most, in a form that escapes may make longer."""

Identity = Annotated[str, Path(max_length=256)]
SystemQuery = Annotated[str | None, Query(max_length=63)]
StateQuery = Annotated[str | None, Query(max_length=32)]
After = Annotated[str | None, Query(max_length=512)]
Reason = Annotated[str, Field(min_length=1, max_length=200)]


class Act(BaseModel):
    """A field that is not known is refused: with it somebody may have meant to act in another's name."""

    model_config = ConfigDict(extra="forbid")


Nothing = Act | None
"""What is said by the address alone; an empty object is as good."""


class OnClass(Act):
    """One class of action, or all of a system."""

    system: Name
    action_class: Name | None = None


class Found(BaseModel):
    """One thing as its service describes it."""

    model_config = ConfigDict(extra="allow")


class FoundPage(BaseModel):
    items: list[Found]
    next: str | None = None


class BoundedRoute(APIRoute):
    """Reads no more of a body than a sensible one has; FastAPI would read all of any."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def bounded(request: Request) -> Response:
            body = await body_of(request, BODY_BYTES_MAX)

            async def receive() -> dict[str, Any]:
                return {"type": "http.request", "body": body}

            return await handle(Request(request.scope, receive))

        return bounded


def segment(text: str) -> str:
    """``text`` as one segment of a path, whatever is in it; two dots are none on the way up."""
    return quote(text, safe="").replace(".", "%2E")
