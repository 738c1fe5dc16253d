"""May this agent do this alone, now? For agents without Kafka; answered by autonomy-controller."""

from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field, ValidationError
from starlette.responses import Response

from console.adapters.services import OtherService
from console.api.access import requires
from console.api.acts import Act, BoundedRoute, Found, Identity, segment
from console.api.problems import ProblemError, documented, field_errors
from console.api.relayed import passed_on
from console.domain.roles import Caller, Role
from flyball.schemas.audit import Digest
from flyball.schemas.autonomy import ActionReported, ActionRequested
from flyball.schemas.base import Count

Event = TypeVar("Event", bound=BaseModel)
Agent = Annotated[Caller, requires("agent")]


class Start(Act):
    """Which action exactly: a changed one has another digest."""

    digest: Digest
    policy_version: Annotated[Count, Field()] = 0


class DecisionRoutes:
    def __init__(self, controller: OtherService) -> None:
        self._controller = controller

    def router(self) -> APIRouter:
        router = APIRouter(tags=["decisions"], route_class=BoundedRoute)
        for method, path, endpoint, body in (
            ("POST", "/v1/decisions", self.decide, ActionRequested),
            ("GET", "/v1/actions/{action_id}", self.show, None),
            ("POST", "/v1/actions/{action_id}/start", self.start, None),
            ("POST", "/v1/actions/{action_id}/report", self.report, ActionReported),
        ):
            more: dict[str, Any] = {"responses": documented(404, 409, 413, 422, 502, 503)}
            if body is not None:
                more["openapi_extra"] = {"requestBody": described(body)}
            router.add_api_route(path, endpoint, methods=[method], response_model=Found, **more)
        return router

    async def decide(self, request: Request, caller: Agent) -> Response:
        """Ask for a decision. The same action id has the same answer for ever; no answer means no."""
        asked = await read(request, ActionRequested)
        body: dict[str, Any] = asked.model_dump(mode="json")
        if caller.role is not Role.AGENT:
            # A person who asks is the one on whose behalf it is, and so never approves it.
            body["requester"] = caller.actor
        return passed_on(self._controller, await self._controller.tell("/v1/decisions", body))

    async def show(self, _caller: Agent, action_id: Identity) -> Response:
        """What was decided, and whether a person has approved it meanwhile."""
        return passed_on(self._controller, await self._controller.ask(f"/v1/actions/{segment(action_id)}", {}))

    async def start(self, act: Start, _caller: Agent, action_id: Identity) -> Response:
        """Consume the permission, once. 409 says why not."""
        path = f"/v1/actions/{segment(action_id)}/start"
        return passed_on(self._controller, await self._controller.tell(path, act.model_dump()))

    async def report(self, request: Request, _caller: Agent, action_id: Identity) -> Response:
        """Say how it ended."""
        said = await read(request, ActionReported)
        path = f"/v1/actions/{segment(action_id)}/report"
        return passed_on(self._controller, await self._controller.tell(path, said.model_dump(mode="json")))


async def read(request: Request, model: type[Event]) -> Event:
    """An event of the contract, read as strictly as from Kafka. Raises ``ProblemError`` 422."""
    try:
        return model.model_validate_json(await request.body())
    except ValidationError as error:
        errors = field_errors(error)
        detail = f"{errors[0]['field'] or 'body'}: {errors[0]['detail']}"
        raise ProblemError(422, "the request is not valid", detail, errors=errors) from error


def described(model: type[BaseModel]) -> dict[str, Any]:
    """The body of an operation, for OpenAPI."""
    return {"required": True, "content": {"application/json": {"schema": model.model_json_schema()}}}
