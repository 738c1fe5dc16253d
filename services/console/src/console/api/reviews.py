"""Questions to people: approvals before an action, audits after one. Answered by autonomy-controller."""

from typing import Annotated, Literal

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import Response

from console.adapters.services import OtherService
from console.api.access import requires
from console.api.acts import (
    Act,
    After,
    BoundedRoute,
    Found,
    FoundPage,
    Identity,
    Nothing,
    StateQuery,
    SystemQuery,
    segment,
)
from console.api.conditional import unless_known
from console.api.problems import documented
from console.api.relayed import passed_on
from console.domain.roles import Caller
from flyball.schemas.reviews import Resolution

Viewer = Annotated[Caller, requires("viewer")]
Reviewer = Annotated[Caller, requires("reviewer")]
COMMENT_CHARACTERS_MAX = 1_024


class Judgment(Act):
    """What the reviewer thinks before the proposal is shown. It cannot be changed afterwards."""

    judgment: Literal["approve", "reject"]
    confidence: Annotated[int, Field(ge=1, le=5)]


class Verdict(Act):
    resolution: Resolution
    comment: Annotated[str, Field(max_length=COMMENT_CHARACTERS_MAX)] = ""


class ReviewRoutes:
    """The controller withholds proposals from whoever has not judged, so it is told who looks."""

    def __init__(self, controller: OtherService) -> None:
        self._controller = controller

    def router(self) -> APIRouter:
        router = APIRouter(tags=["reviews"], route_class=BoundedRoute)
        for method, path, endpoint, model in (
            ("GET", "/v1/reviews", self.list, FoundPage),
            ("GET", "/v1/reviews/{review_id}", self.show, Found),
            ("POST", "/v1/reviews/{review_id}/claim", self.claim, Found),
            ("POST", "/v1/reviews/{review_id}/judgment", self.judge, Found),
            ("POST", "/v1/reviews/{review_id}/verdict", self.verdict, Found),
        ):
            responses = documented(404, 409, 422, 429, 502, 503)
            router.add_api_route(path, endpoint, methods=[method], response_model=model, responses=responses)
        return router

    async def list(
        self,
        request: Request,
        caller: Viewer,
        system: SystemQuery = None,
        state: StateQuery = None,
        after: After = None,
    ) -> Response:
        """Open reviews; with ``state`` those in it, or ``all``."""
        parameters = {"system": system, "state": state, "after": after, "reviewer": caller.actor}
        return unless_known(request, passed_on(self._controller, await self._controller.ask("/v1/reviews", parameters)))

    async def show(self, request: Request, caller: Viewer, review_id: Identity) -> Response:
        """One review. The proposal is there when the caller has judged, or where nobody must judge first."""
        answer = await self._controller.ask(f"/v1/reviews/{segment(review_id)}", {"reviewer": caller.actor})
        return unless_known(request, passed_on(self._controller, answer))

    async def claim(self, caller: Reviewer, review_id: Identity, none: Nothing = None) -> Response:
        """Work on it alone for ten minutes."""
        return await self._told(review_id, "claim", none or Act(), caller)

    async def judge(self, act: Judgment, caller: Reviewer, review_id: Identity) -> Response:
        """Store one's own judgment; then the proposal is shown."""
        return await self._told(review_id, "judgment", act, caller)

    async def verdict(self, act: Verdict, caller: Reviewer, review_id: Identity) -> Response:
        """Approve or refuse. 409 has the first verdict, or says that a judgment must come first."""
        return await self._told(review_id, "verdict", act, caller)

    async def _told(self, review_id: str, what: str, act: Act, caller: Caller) -> Response:
        body = {**act.model_dump(), "reviewer": caller.actor}
        return passed_on(
            self._controller, await self._controller.tell(f"/v1/reviews/{segment(review_id)}/{what}", body)
        )
