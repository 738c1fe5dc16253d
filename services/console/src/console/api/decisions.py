"""May this agent do this alone, now? For agents without Kafka; answered by autonomy-controller."""

from http import HTTPStatus
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field, ValidationError
from starlette.responses import Response

from console.adapters.services import Answer, OtherService
from console.api.access import check_speaks_for, requires
from console.api.acts import Act, BoundedRoute, Found, Identity, segment
from console.api.problems import ProblemError, documented, field_errors
from console.api.relayed import odd, passed_on
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


class Owner(BaseModel):
    tenant: str
    system: str


class KnownAction(BaseModel):
    """Of an action, whose it is."""

    decision: Owner


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
        check_speaks_for(caller, asked.system, asked.tenant)
        body: dict[str, Any] = asked.model_dump(mode="json")
        if caller.role is not Role.AGENT:
            # A person who asks is the one on whose behalf it is, and so never approves it.
            body["requester"] = caller.actor
        return passed_on(self._controller, await self._controller.tell("/v1/decisions", body))

    async def show(self, caller: Agent, action_id: Identity) -> Response:
        """What was decided, and whether a person has approved it meanwhile."""
        return passed_on(self._controller, await self._action(caller, action_id))

    async def start(self, act: Start, caller: Agent, action_id: Identity) -> Response:
        """Consume the permission, once. 409 says why not."""
        await self._check_own(caller, action_id)
        path = f"/v1/actions/{segment(action_id)}/start"
        return passed_on(self._controller, await self._controller.tell(path, act.model_dump()))

    async def report(self, request: Request, caller: Agent, action_id: Identity) -> Response:
        """Say how it ended."""
        said = await read(request, ActionReported)
        check_speaks_for(caller, said.system, said.tenant)
        await self._check_own(caller, action_id)
        path = f"/v1/actions/{segment(action_id)}/report"
        return passed_on(self._controller, await self._controller.tell(path, said.model_dump(mode="json")))

    async def _check_own(self, caller: Caller, action_id: str) -> None:
        """Who speaks for every system need not be looked at. What is not there is for the controller to say."""
        if caller.systems is not None:
            await self._action(caller, action_id)

    async def _action(self, caller: Caller, action_id: str) -> Answer:
        """Raises ``ProblemError`` 404 for another agent's action as for none: an id tells nobody whose it is."""
        answer = await self._controller.ask(f"/v1/actions/{segment(action_id)}", {})
        if answer.status == HTTPStatus.OK and caller.systems is not None:
            owner = self._owner(answer)
            if not caller.speaks_for(owner.system, owner.tenant):
                raise ProblemError(404, "Not found", "no such action: ask for a decision first", reason="not_found")
        return answer

    def _owner(self, answer: Answer) -> Owner:
        try:
            return KnownAction.model_validate_json(answer.body).decision
        except ValidationError as error:
            raise odd(self._controller, "an action without its system") from error


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
