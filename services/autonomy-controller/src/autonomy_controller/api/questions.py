"""Questions about levels, actions and reviews."""

from pydantic import JsonValue
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from autonomy_controller.adapters.reading import read_actions, read_classes, read_review, read_reviews
from autonomy_controller.api.agents import action_fields
from autonomy_controller.api.people import class_fields
from autonomy_controller.api.requests import read
from autonomy_controller.domain import reviews
from autonomy_controller.domain.audit import decided_again
from autonomy_controller.domain.reviews import Refused
from flyball.observe.http import Endpoint, problem
from flyball.schemas.base import DEFAULT_TENANT, Event, ShortText
from flyball.store.postgres import PostgresDatabase

PAGE_MAX = 100


class Recorded(Event):
    """A decision as the audit log has it."""

    kind: ShortText
    inputs: dict[str, JsonValue]


class Questions:
    """Answers from the controller's own tables."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database

    def routes(self) -> list[tuple[str, str, Endpoint]]:
        return [
            ("GET", "/v1/levels", self.levels),
            ("GET", "/v1/actions", self.actions),
            ("GET", "/v1/reviews", self.reviews),
            ("GET", "/v1/reviews/{review_id}", self.review),
            ("POST", "/v1/decide-again", self.decide_again),
        ]

    async def decide_again(self, request: Request) -> Response:
        """What the inputs of a recorded decision call for by the code that runs today."""
        asked = await read(request, Recorded)
        try:
            return JSONResponse({"decision": decided_again(asked.kind, asked.inputs)})
        except (KeyError, ValueError, Refused) as error:
            detail = f"a {asked.kind} is not decided here, or its inputs are of another release: {str(error)[:200]}"
            return problem(422, "Unreadable inputs", detail)

    async def levels(self, request: Request) -> Response:
        query = request.query_params
        tenant, after = query.get("tenant", DEFAULT_TENANT), query.get("after", "")
        found = await read_classes(self._database, tenant, query.get("system"), after, PAGE_MAX)
        items = [class_fields(state) for state in found]
        last = f"{items[-1]['system']}/{items[-1]['action_class']}" if len(items) == PAGE_MAX else None
        return JSONResponse({"items": items, "next": last})

    async def actions(self, request: Request) -> Response:
        query = request.query_params
        tenant, after = query.get("tenant", DEFAULT_TENANT), query.get("after", "")
        found = await read_actions(self._database, tenant, query.get("system"), query.get("state"), after, PAGE_MAX)
        items = [{"action_id": action.id, **action_fields(action)} for action in found]
        return JSONResponse({"items": items, "next": items[-1]["action_id"] if len(items) == PAGE_MAX else None})

    async def reviews(self, request: Request) -> Response:
        query = request.query_params
        tenant, state, after = query.get("tenant", DEFAULT_TENANT), query.get("state", "open"), query.get("after", "")
        found = await read_reviews(self._database, tenant, query.get("system"), state, after, PAGE_MAX)
        viewer = query.get("reviewer")
        items = [reviews.told(review, action, viewer).model_dump(mode="json") for review, action in found]
        return JSONResponse({"items": items, "next": items[-1]["review_id"] if len(items) == PAGE_MAX else None})

    async def review(self, request: Request) -> Response:
        found = await read_review(self._database, request.path_params["review_id"])
        if found is None:
            return problem(404, "Not found", "no such review", reason="not_found")
        return JSONResponse(reviews.told(*found, request.query_params.get("reviewer")).model_dump(mode="json"))
