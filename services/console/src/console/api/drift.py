"""Drift: how each system stands beside its reference, and what people do about it. Answered by drift-detector."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import Field
from starlette.responses import Response

from console.adapters.services import OtherService
from console.api.access import requires
from console.api.acts import Act, After, BoundedRoute, Found, FoundPage, Reason, segment
from console.api.bodies import body_of
from console.api.conditional import unless_known
from console.api.problems import ProblemError, documented
from console.api.relayed import passed_on
from console.domain.roles import Caller
from flyball.schemas.base import Name, ShortText, Text
from flyball.schemas.drift import FEATURES_MAX, DriftType, FeatureReference
from flyball.schemas.native import Release

REFERENCE_BYTES_MAX = 1_048_576
Viewer = Annotated[Caller, requires("viewer")]
Reviewer = Annotated[Caller, requires("reviewer")]
Admin = Annotated[Caller, requires("admin")]
System = Annotated[str, Path(max_length=63)]
Number = Annotated[int | None, Query(ge=0, le=999_999_999)]


class NewReference(Act):
    """What a system's data looked like when it was approved, as `flyball reference create` counts it."""

    system: Name
    release: Release | None = None
    rows: Annotated[int, Field(ge=0)]
    features: Annotated[dict[ShortText, FeatureReference], Field(min_length=1, max_length=FEATURES_MAX)]
    source: Text


class Rebasing(Act):
    system: Name
    reason: Reason


class Acknowledgement(Act):
    system: Name
    feature: ShortText
    type: DriftType = "data"
    reason: Reason


class DriftRoutes:
    def __init__(self, detector: OtherService) -> None:
        self._detector = detector

    def router(self) -> APIRouter:
        router = APIRouter(tags=["drift"])
        bounded = APIRouter(tags=["drift"], route_class=BoundedRoute)
        for method, path, endpoint, model in (
            ("GET", "/v1/drift", self.systems, FoundPage),
            ("GET", "/v1/drift/{system}", self.system, Found),
            ("GET", "/v1/drift/{system}/references", self.references, FoundPage),
            ("GET", "/v1/drift/{system}/reports", self.reports, Found),
            ("POST", "/v1/drift/rebasings", self.rebase, Found),
            ("POST", "/v1/drift/acknowledgements", self.acknowledge, Found),
        ):
            responses = documented(404, 409, 422, 502, 503)
            bounded.add_api_route(path, endpoint, methods=[method], response_model=model, responses=responses)
        router.add_api_route(
            "/v1/drift/references",
            self.approve,
            methods=["POST"],
            response_model=Found,
            status_code=201,
            responses=documented(409, 413, 422, 502, 503),
            openapi_extra={
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": NewReference.model_json_schema(mode="validation")}},
                }
            },
        )
        router.include_router(bounded)
        return router

    async def systems(self, request: Request, _caller: Viewer, after: After = None) -> Response:
        """Every system of which anything was counted: its worst severity and its open episodes."""
        return unless_known(request, await self._asked("/v1/drift", after=after))

    async def system(self, request: Request, _caller: Viewer, system: System) -> Response:
        """Each feature: state, evidence, effects by window, and live counts beside its reference."""
        return unless_known(request, await self._asked(f"/v1/drift/{segment(system)}"))

    async def references(self, _caller: Viewer, system: System, version: Number = None) -> Response:
        """The newest versions of a system's reference, whole."""
        return await self._asked(f"/v1/drift/{segment(system)}/references", version=_text(version))

    async def reports(self, _caller: Viewer, system: System, before: Number = None) -> Response:
        """What was told of a system's features, the newest first."""
        return await self._asked(f"/v1/drift/{segment(system)}/reports", before=_text(before))

    async def approve(self, request: Request, caller: Admin) -> Response:
        """Give a system its next reference. It takes effect half a minute later and never changes."""
        try:
            asked = NewReference.model_validate_json(await body_of(request, REFERENCE_BYTES_MAX))
        except ValueError as error:
            raise ProblemError(422, "this is no reference", str(error)[:512]) from error
        return await self._told("/v1/drift/references", asked, caller)

    async def rebase(self, act: Rebasing, caller: Admin) -> Response:
        """Say that what is now is normal: every episode ends, and the next rows make the next reference."""
        return await self._told("/v1/drift/rebasings", act, caller)

    async def acknowledge(self, act: Acknowledgement, caller: Reviewer) -> Response:
        """End an episode that people know of. If the drift goes on, another one begins."""
        return await self._told("/v1/drift/acknowledgements", act, caller)

    async def _asked(self, path: str, **parameters: str | None) -> Response:
        return passed_on(self._detector, await self._detector.ask(path, parameters))

    async def _told(self, path: str, act: Act, caller: Caller) -> Response:
        body: dict[str, Any] = {**act.model_dump(mode="json"), "actor": caller.actor}
        return passed_on(self._detector, await self._detector.tell(path, body))


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)
