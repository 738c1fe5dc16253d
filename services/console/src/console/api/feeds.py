"""Feeds: whether what a system sends can be trusted, and the word of its owner. Answered by telemetry-ingest."""

from typing import Annotated

from fastapi import APIRouter
from starlette.responses import Response

from console.adapters.services import OtherService
from console.api.access import requires
from console.api.acts import Act, After, BoundedRoute, Found, FoundPage, Reason, SystemQuery
from console.api.problems import documented
from console.api.relayed import passed_on
from console.domain.roles import Caller
from flyball.schemas.base import Name

Viewer = Annotated[Caller, requires("viewer")]
Reviewer = Annotated[Caller, requires("reviewer")]


class Release(Act):
    """What comes from now on can be trusted again."""

    system: Name
    reason: Reason


class FeedRoutes:
    def __init__(self, ingest: OtherService) -> None:
        self._ingest = ingest

    def router(self) -> APIRouter:
        router = APIRouter(tags=["feeds"], route_class=BoundedRoute)
        responses = documented(404, 409, 422, 502, 503)
        router.add_api_route("/v1/feeds", self.list, response_model=FoundPage, responses=responses)
        router.add_api_route(
            "/v1/feeds/releases", self.release, methods=["POST"], response_model=Found, responses=responses
        )
        return router

    async def list(self, _caller: Viewer, system: SystemQuery = None, after: After = None) -> Response:
        """Each feed: whether it is trusted, which labels it has, and what was told of it."""
        return passed_on(self._ingest, await self._ingest.ask("/v1/feeds", {"system": system, "after": after}))

    async def release(self, act: Release, caller: Reviewer) -> Response:
        """End the quarantine of a system's feed, in the caller's name."""
        body = {**act.model_dump(mode="json"), "actor": caller.actor}
        return passed_on(self._ingest, await self._ingest.tell("/v1/feeds/releases", body))
