"""What people do, told by console, which has made sure who they are. The service token is its word."""

from typing import Annotated, Any, Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from autonomy_controller.api.requests import Clock, attempt, read
from autonomy_controller.commands import Commands
from autonomy_controller.domain import reviews
from autonomy_controller.domain.changes import Lowered
from autonomy_controller.domain.state import Action, ClassState, Judgment, Review, Verdict
from flyball.observe.http import Endpoint
from flyball.schemas.base import DEFAULT_TENANT, Event, Name
from flyball.schemas.reviews import Resolution
from flyball.store.postgres import PostgresTransaction

Person = Annotated[str, Field(pattern=r"^user:[A-Za-z0-9][A-Za-z0-9._@+-]{0,119}$")]
"""An agent can never be one: its name begins with ``agent:``."""


class Stop(Event):
    tenant: Name = DEFAULT_TENANT
    system: Name
    action_class: Name | None = None
    """None: the whole system."""
    person: Person
    reason: str = Field(min_length=1, max_length=200)


class Release(Event):
    tenant: Name = DEFAULT_TENANT
    system: Name
    action_class: Name | None = None
    person: Person


class Demotion(Release):
    level: int = Field(ge=0, le=3)
    reason: str = Field(min_length=1, max_length=200)


class Claim(Event):
    reviewer: Person


class Judged(Event):
    reviewer: Person
    judgment: Literal["approve", "reject"]
    confidence: int = Field(ge=1, le=5)


class Given(Event):
    reviewer: Person
    resolution: Resolution
    comment: str = Field(default="", max_length=1_024)


class PeopleDesk:
    def __init__(self, commands: Commands[PostgresTransaction], clock: Clock) -> None:
        self._commands = commands
        self._clock = clock

    def routes(self) -> list[tuple[str, str, Endpoint]]:
        return [
            ("POST", "/v1/kill", self.kill),
            ("POST", "/v1/release", self.release),
            ("POST", "/v1/demote", self.demote),
            ("POST", "/v1/reviews/{review_id}/claim", self.claim),
            ("POST", "/v1/reviews/{review_id}/judgment", self.judge),
            ("POST", "/v1/reviews/{review_id}/verdict", self.verdict),
        ]

    async def kill(self, request: Request) -> Response:
        stop, now = await read(request, Stop), self._clock()
        key = (stop.tenant, stop.system)
        stopped = await attempt(lambda: self._commands.kill(key, stop.action_class, stop.person, stop.reason, now))
        return JSONResponse({"items": [class_fields(state) for state in stopped]})

    async def release(self, request: Request) -> Response:
        given, now = await read(request, Release), self._clock()
        key = (given.tenant, given.system)
        held = await attempt(lambda: self._commands.release(key, given.action_class, given.person, now))
        return JSONResponse({"items": [class_fields(state) for state in held]})

    async def demote(self, request: Request) -> Response:
        given, now = await read(request, Demotion), self._clock()
        key = (given.tenant, given.system)
        change = Lowered(level=given.level, person=given.person, reason=given.reason)
        lowered = await attempt(lambda: self._commands.demote(key, given.action_class, change, now))
        return JSONResponse({"items": [class_fields(state) for state in lowered]})

    async def claim(self, request: Request) -> Response:
        given, now = await read(request, Claim), self._clock()
        return _review(
            *await attempt(lambda: self._commands.claim(request.path_params["review_id"], given.reviewer, now)),
            given.reviewer,
        )

    async def judge(self, request: Request) -> Response:
        given = await read(request, Judged)
        judgment = Judgment(**given.model_dump(), at=self._clock())
        found = await attempt(lambda: self._commands.judge(request.path_params["review_id"], judgment))
        return _review(*found, given.reviewer)

    async def verdict(self, request: Request) -> Response:
        given = await read(request, Given)
        verdict = Verdict(**given.model_dump(), at=self._clock())
        found = await attempt(lambda: self._commands.verdict(request.path_params["review_id"], verdict))
        return _review(*found, given.reviewer)


def class_fields(state: ClassState) -> dict[str, Any]:
    return {**state.control.model_dump(mode="json"), "released_by": list(state.released_by)}


def _review(review: Review, action: Action, viewer: str) -> Response:
    return JSONResponse(reviews.told(review, action, viewer).model_dump(mode="json"))
