"""Levels of autonomy: who may do what alone, and what people change about it. Answered by autonomy-controller."""

from typing import Annotated, Any

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
    OnClass,
    Reason,
    StateQuery,
    SystemQuery,
    segment,
)
from console.api.conditional import unless_known
from console.api.problems import documented
from console.api.relayed import passed_on
from console.domain.roles import Caller
from flyball.schemas.base import Name, ShortText

Viewer = Annotated[Caller, requires("viewer")]
Admin = Annotated[Caller, requires("admin")]


class Kill(OnClass):
    reason: Reason


class Demotion(OnClass):
    level: Annotated[int, Field(ge=0, le=3)]
    reason: Reason


class Proposal(Act):
    """One level up for one evidence epoch of a class."""

    system: Name
    action_class: Name
    evidence_epoch: ShortText


class AutonomyRoutes:
    def __init__(self, controller: OtherService) -> None:
        self._controller = controller

    def router(self) -> APIRouter:
        router = APIRouter(tags=["autonomy"], route_class=BoundedRoute)
        for method, path, endpoint, model in (
            ("GET", "/v1/autonomy", self.levels, FoundPage),
            ("GET", "/v1/autonomy/actions", self.actions, FoundPage),
            ("GET", "/v1/autonomy/actions/{action_id}", self.action, Found),
            ("POST", "/v1/autonomy/kill", self.kill, FoundPage),
            ("POST", "/v1/autonomy/release", self.release, FoundPage),
            ("POST", "/v1/autonomy/demote", self.demote, FoundPage),
            ("POST", "/v1/autonomy/promote", self.promote, Found),
            ("POST", "/v1/autonomy/promotions/{promotion_id}/signatures", self.sign, Found),
        ):
            responses = documented(404, 409, 422, 502, 503)
            router.add_api_route(path, endpoint, methods=[method], response_model=model, responses=responses)
        return router

    async def levels(
        self, request: Request, _caller: Viewer, system: SystemQuery = None, after: After = None
    ) -> Response:
        """Each class of action: its levels by evidence epoch, its rules, and what holds it down."""
        answer = await self._controller.ask("/v1/levels", {"system": system, "after": after})
        return unless_known(request, passed_on(self._controller, answer))

    async def actions(
        self,
        request: Request,
        _caller: Viewer,
        system: SystemQuery = None,
        state: StateQuery = None,
        after: After = None,
    ) -> Response:
        """Actions with their decisions; ``state`` is waiting, approved, started, allowed or how they ended."""
        parameters = {"system": system, "state": state, "after": after}
        return unless_known(request, passed_on(self._controller, await self._controller.ask("/v1/actions", parameters)))

    async def action(self, _caller: Viewer, action_id: Identity) -> Response:
        """One action: what was decided, and what became of it."""
        return passed_on(self._controller, await self._controller.ask(f"/v1/actions/{segment(action_id)}", {}))

    async def kill(self, act: Kill, caller: Admin) -> Response:
        """Stop a class of action, or the whole system, at once. Two people must release it."""
        return await self._told("/v1/kill", act, caller)

    async def release(self, act: OnClass, caller: Admin) -> Response:
        """Agree that what was killed may run again; it does when a second person has agreed."""
        return await self._told("/v1/release", act, caller)

    async def demote(self, act: Demotion, caller: Admin) -> Response:
        """Lower a class of action, or the whole system, to a level."""
        return await self._told("/v1/demote", act, caller)

    async def promote(self, act: Proposal, caller: Admin) -> Response:
        """Propose one level more. The answer has each gate, what is missing, and how many must sign."""
        return await self._told("/v1/promotions", act, caller)

    async def sign(self, caller: Admin, promotion_id: Identity, none: Nothing = None) -> Response:
        """Sign a proposed promotion. The last signature that is needed promotes, while every gate holds."""
        return await self._told(f"/v1/promotions/{segment(promotion_id)}/signatures", none or Act(), caller)

    async def _told(self, path: str, act: Act, caller: Caller) -> Response:
        body: dict[str, Any] = {**act.model_dump(), "person": caller.actor}
        return passed_on(self._controller, await self._controller.tell(path, body))
