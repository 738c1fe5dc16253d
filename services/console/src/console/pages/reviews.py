"""Reviews: the queue, and one at a time. What a reviewer decides, autonomy-controller accepts or refuses."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from console.adapters.services import OtherService, UnreachableError
from console.api.acts import BoundedRoute, Identity, segment
from console.api.problems import ProblemError
from console.domain.roles import Role
from console.pages import reviews_view as view
from console.pages.access import People, Visitor, signed_in
from console.pages.knowledge import Known, Panel, Unknown, every, one, picture
from console.pages.templating import Templates

SAID = {
    "approve": "Approved.",
    "reject": "Refused.",
    "right": "Stored: it was right.",
    "wrong": "Stored: it was wrong.",
    "judged": "Your own judgment is stored. Now you see how the system decided.",
    "claimed": "Yours for ten minutes.",
}
"""What the page after a form may say; anything else in the address is not shown."""
AUDITED = {"approve": "right", "reject": "wrong"}
"""What is said of an action that has run already."""
COMMENT_CHARACTERS_MAX = 1_024
Viewer = Annotated[Visitor, signed_in("viewer")]
Reviewer = Annotated[Visitor, signed_in("reviewer")]
Word = Annotated[str, Query(max_length=16)]


@dataclass(frozen=True, slots=True)
class ReviewPages:
    templates: Templates
    people: People
    controller: OtherService

    def router(self) -> APIRouter:
        router = APIRouter(include_in_schema=False, route_class=BoundedRoute)
        for method, path, endpoint in (
            ("GET", "/reviews", self.queue),
            ("GET", "/reviews/{review_id}", self.focus),
            ("POST", "/reviews/{review_id}/claim", self.claim),
            ("POST", "/reviews/{review_id}/judgment", self.judge),
            ("POST", "/reviews/{review_id}/verdict", self.decide),
        ):
            router.add_api_route(path, endpoint, methods=[method])
        return router

    async def queue(self, request: Request, visitor: Viewer, said: Word = "") -> Response:
        """All that wait, the most pressing first."""
        values = {"queue": await self._queue(visitor), "now": self.people.now(), "said": SAID.get(said)}
        return self.templates.page(request, "reviews.html", visitor, values)

    async def focus(self, request: Request, visitor: Viewer, review_id: Identity, said: Word = "") -> Response:
        """One review, with the form that is next."""
        return await self._page(request, visitor, review_id, SAID.get(said), None, HTTPStatus.OK)

    async def claim(self, request: Request, visitor: Reviewer, review_id: Identity) -> Response:
        """Work on it alone for a while."""
        return await self._tell(request, visitor, review_id, "claim", {}, "claimed")

    async def judge(
        self,
        request: Request,
        visitor: Reviewer,
        review_id: Identity,
        judgment: Annotated[str, Form(max_length=16)] = "",
        confidence: Annotated[str, Form(max_length=1)] = "",
    ) -> Response:
        """Store one's own judgment before the proposal is shown."""
        if judgment not in ("approve", "reject") or confidence not in tuple("12345"):
            wrong = "Say whether you would have allowed it, and how sure you are from 1 to 5."
            return await self._page(request, visitor, review_id, None, wrong, HTTPStatus.UNPROCESSABLE_ENTITY)
        body = {"judgment": judgment, "confidence": int(confidence)}
        return await self._tell(request, visitor, review_id, "judgment", body, "judged")

    async def decide(
        self,
        request: Request,
        visitor: Reviewer,
        review_id: Identity,
        resolution: Annotated[str, Form(max_length=16)] = "",
        comment: Annotated[str, Form(max_length=COMMENT_CHARACTERS_MAX)] = "",
    ) -> Response:
        """Approve, or refuse with a reason."""
        reason = comment.strip()
        wrong = None
        if resolution not in ("approve", "reject"):
            wrong = "Choose whether to approve or to refuse."
        elif resolution == "reject" and not reason:
            wrong = "Say why: the agent's team will read it."
        if wrong:
            return await self._page(request, visitor, review_id, None, wrong, HTTPStatus.UNPROCESSABLE_ENTITY)
        body = {"resolution": resolution, "comment": reason}
        return await self._tell(request, visitor, review_id, "verdict", body, resolution)

    async def _queue(self, visitor: Visitor) -> Panel[Any]:
        found = await every(self.controller, "/v1/reviews", reviewer=visitor.caller.actor)
        return picture(found, lambda items: view.queue(items, self.people.now()))

    async def _page(
        self, request: Request, visitor: Visitor, review_id: str, said: str | None, wrong: str | None, status: int
    ) -> Response:
        queue = await self._queue(visitor)
        found = await one(self.controller, f"/v1/reviews/{segment(review_id)}", reviewer=visitor.caller.actor)
        if isinstance(found, Unknown) and found.cause.endswith(str(int(HTTPStatus.NOT_FOUND))):
            raise ProblemError(
                404, "There is no such review", "It may be long closed; the queue has those that are open."
            )
        values = {
            "review": picture(found, lambda item: view.review(item, self.people.now())),
            "next_id": view.following(queue.value, review_id) if isinstance(queue, Known) else None,
            "waiting": len(queue.value) if isinstance(queue, Known) else None,
            "may_decide": visitor.caller.may(Role.REVIEWER),
            "now": self.people.now(),
            "said": said,
            "wrong": wrong,
        }
        return self.templates.page(request, "review.html", visitor, values, status)

    async def _tell(
        self, request: Request, visitor: Visitor, review_id: str, what: str, body: Mapping[str, Any], said: str
    ) -> Response:
        path = f"/v1/reviews/{segment(review_id)}/{what}"
        try:
            answer = await self.controller.tell(path, {**body, "reviewer": visitor.caller.actor})
        except UnreachableError as error:
            wrong = f"Nothing was stored: {error}. Send it again when it is back."
            return await self._page(request, visitor, review_id, None, wrong, HTTPStatus.SERVICE_UNAVAILABLE)
        if answer.status != HTTPStatus.OK:
            return await self._page(request, visitor, review_id, None, _refusal(answer.body), HTTPStatus.CONFLICT)
        if what == "verdict" and _is_audit(answer.body):
            said = AUDITED[said]
        return RedirectResponse(f"{await self._after(visitor, review_id, what)}?{urlencode({'said': said})}", 303)

    async def _after(self, visitor: Visitor, review_id: str, what: str) -> str:
        """After a verdict the next review; before it the same one."""
        if what != "verdict":
            return f"/reviews/{segment(review_id)}"
        queue = await self._queue(visitor)
        following = view.following(queue.value, review_id) if isinstance(queue, Known) else None
        return f"/reviews/{segment(following)}" if following else "/reviews"


def _is_audit(body: bytes) -> bool:
    try:
        return bool(json.loads(body)["kind"] == "audit")
    except (KeyError, TypeError, ValueError):
        return False


def _refusal(body: bytes) -> str:
    try:
        told = json.loads(body)
        return f"Not accepted: {told['detail']}."
    except (KeyError, TypeError, ValueError):
        return "autonomy-controller refused it without a reason that can be read; its log has more."
