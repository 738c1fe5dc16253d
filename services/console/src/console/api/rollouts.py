"""Rollouts, rollbacks and the deployment gate. Answered by rollback-executor, which alone decides."""

from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Header, Query, Request
from pydantic import ConfigDict, Field
from starlette.responses import Response

from console.adapters.services import OtherService
from console.api.access import check_speaks_for, requires
from console.api.acts import Act, BoundedRoute, Found, Identity, SystemQuery, segment
from console.api.conditional import unless_known
from console.api.problems import documented
from console.api.relayed import passed_on
from console.domain.roles import Caller
from flyball.schemas.base import Count, Name, ShortText
from flyball.schemas.native import Release
from flyball.schemas.rollouts import RolloutPolicy

Viewer = Annotated[Caller, requires("viewer")]
Admin = Annotated[Caller, requires("admin")]
Agent = Annotated[Caller, requires("agent")]
NameQuery = Annotated[str, Query(min_length=1, max_length=63)]
UnitQuery = Annotated[str, Query(min_length=1, max_length=256)]
Reason = Annotated[str, Field(min_length=1, max_length=512)]
Before = Annotated[int | None, Query(ge=1, le=10**15, alias="after")]
Key = Annotated[str | None, Header(alias="Idempotency-Key", max_length=256)]
PRODUCTION = "production"


class AskedPolicy(RolloutPolicy):
    # FastAPI gives lists where the contract has tuples, which strictness refuses; rollback-executor is strict again.
    model_config = ConfigDict(extra="forbid", strict=False)


class Start(Act):
    """A candidate on its way. ``start: false`` leaves it for somebody to approve; ``override`` opens a closed gate."""

    system: Name
    environment: Name = PRODUCTION
    baseline: Release
    candidate: Release
    adapter: ShortText = "redis"
    reason: Reason = "proposed"
    start: bool = True
    override: Reason | None = None
    policy: AskedPolicy = AskedPolicy()


class Steer(Act):
    """``epoch`` is the one that the caller saw: a word about another state of the rollout changes nothing."""

    command: Annotated[str, Field(pattern="^(approve|pause|resume|promote|rollback)$")]
    epoch: Count
    reason: Reason


class Back(Act):
    system: Name
    environment: Name = PRODUCTION
    reason: Reason
    to: Release | None = None
    dry_run: bool = False


class Deployment(Act):
    system: Name
    environment: Name = PRODUCTION
    release: Release


class RolloutRoutes:
    def __init__(self, executor: OtherService) -> None:
        self._executor = executor

    def router(self) -> APIRouter:
        router = APIRouter(tags=["rollouts"], route_class=BoundedRoute)
        for method, path, endpoint, status in (
            ("GET", "/v1/rollouts", self.list, 200),
            ("POST", "/v1/rollouts", self.start, 201),
            ("GET", "/v1/rollouts/{rollout_id}", self.show, 200),
            ("POST", "/v1/rollouts/{rollout_id}/commands", self.steer, 200),
            ("POST", "/v1/rollbacks", self.roll_back, 202),
            ("POST", "/v1/gates/deploy", self.gate, 200),
            ("GET", "/v1/route", self.route, 200),
        ):
            more: dict[str, Any] = {"responses": documented(404, 409, 413, 422, 502, 503), "status_code": status}
            router.add_api_route(path, endpoint, methods=[method], response_model=Found, **more)
        return router

    async def list(
        self,
        request: Request,
        _caller: Viewer,
        system: SystemQuery = None,
        environment: SystemQuery = None,
        *,
        open_only: Annotated[bool, Query(alias="open")] = False,
        before: Before = None,
    ) -> Response:
        """The last change of each rollout, the newest first."""
        parameters = {
            "system": system,
            "environment": environment,
            "open": "true" if open_only else None,
            "before": None if before is None else str(before),
        }
        return unless_known(request, passed_on(self._executor, await self._executor.ask("/v1/rollouts", parameters)))

    async def show(self, request: Request, _caller: Viewer, rollout_id: Identity) -> Response:
        """One rollout with its policy, its changes and their evidence, and what the target was told."""
        answer = await self._executor.ask(f"/v1/rollouts/{segment(rollout_id)}", {})
        return unless_known(request, passed_on(self._executor, answer))

    async def start(self, act: Start, caller: Admin, key: Key = None) -> Response:
        """Move traffic to a candidate, if the gate is open. The same Idempotency-Key gives the same rollout."""
        body = act.model_dump(mode="json", exclude={"start", "policy"}, exclude_none=True)
        body["policy"] = act.policy.model_dump(mode="json", exclude_unset=True)
        body["requested_by"] = caller.actor
        if act.start:
            body["approved_by"] = caller.actor
        headers = {"Idempotency-Key": key or str(uuid4())}
        return passed_on(self._executor, await self._executor.tell("/v1/rollouts", body, headers))

    async def steer(self, act: Steer, caller: Admin, rollout_id: Identity) -> Response:
        """Approve, pause, resume, promote what is held, or roll back. 409 for a stale epoch."""
        path = f"/v1/rollouts/{segment(rollout_id)}/commands"
        return await self._told(path, act, caller)

    async def roll_back(self, act: Back, caller: Admin) -> Response:
        """Back to the release before, or to one of the last five. It is done when it was seen: follow the rollout."""
        return await self._told("/v1/rollbacks", act, caller)

    async def gate(self, act: Deployment, caller: Viewer) -> Response:
        """May this release be deployed, by budgets and mode? Every reason why not."""
        return await self._told("/v1/gates/deploy", act, caller)

    async def route(
        self, caller: Agent, system: NameQuery, unit: UnitQuery, environment: NameQuery = PRODUCTION
    ) -> Response:
        """Which release serves this user, tenant or session. The same unit keeps its release while shares grow."""
        check_speaks_for(caller, system)
        parameters = {"system": system, "environment": environment, "unit": unit}
        return passed_on(self._executor, await self._executor.ask("/v1/route", parameters))

    async def _told(self, path: str, act: Act, caller: Caller) -> Response:
        body = {**act.model_dump(mode="json", exclude_none=True), "actor": caller.actor}
        return passed_on(self._executor, await self._executor.tell(path, body))
