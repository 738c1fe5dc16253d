"""Incidents and silences: what people work on, and what they do not want to hear of. Answered by notifier."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Request
from pydantic import Field
from starlette.responses import Response

from console.adapters.services import OtherService
from console.api.access import check_speaks_for, requires
from console.api.acts import Act, After, BoundedRoute, Found, FoundPage, Identity, Nothing, StateQuery, segment
from console.api.conditional import unless_known
from console.api.problems import documented
from console.api.relayed import passed_on
from console.domain.roles import Caller
from flyball.schemas.base import UtcTime
from flyball.schemas.incidents import IncidentState

Viewer = Annotated[Caller, requires("viewer")]
Reviewer = Annotated[Caller, requires("reviewer")]
Sender = Annotated[Caller, requires("agent")]
Admin = Annotated[Caller, requires("admin")]
Posted = Annotated[list[dict[str, Any]], Body(max_length=1_000)]
TEXT_CHARACTERS_MAX = 256


class Move(Act):
    state: IncidentState


class Matching(Act):
    """One condition on an alert's labels; ``=~`` and ``!~`` take an expression."""

    name: Annotated[str, Field(min_length=1, max_length=TEXT_CHARACTERS_MAX)]
    operation: Annotated[str, Field(pattern="^(=|!=|=~|!~)$")] = "="
    value: Annotated[str, Field(max_length=TEXT_CHARACTERS_MAX)]


class Silence(Act):
    """Alerts that all matchers match page nobody until ``ends_at``. Resolves still get through."""

    matchers: Annotated[list[Matching], Field(min_length=1, max_length=16)]
    starts_at: UtcTime | None = None
    ends_at: UtcTime
    comment: Annotated[str, Field(min_length=1, max_length=TEXT_CHARACTERS_MAX)]


class IncidentRoutes:
    def __init__(self, notifier: OtherService) -> None:
        self._notifier = notifier

    def router(self) -> APIRouter:
        router = APIRouter(route_class=BoundedRoute)
        for method, path, endpoint, more in (
            ("GET", "/v1/incidents", self.list, {"response_model": FoundPage}),
            ("GET", "/v1/incidents/{incident_id}", self.show, {"response_model": Found}),
            ("POST", "/v1/incidents/{incident_id}/ack", self.acknowledge, {"response_model": Found}),
            ("POST", "/v1/incidents/{incident_id}/resolve", self.resolve, {"response_model": Found}),
            ("POST", "/v1/incidents/{incident_id}/move", self.move, {"response_model": Found}),
            ("GET", "/v1/silences", self.silences, {"response_model": FoundPage}),
            ("POST", "/v1/silences", self.silence, {"response_model": Found, "status_code": 201}),
            ("DELETE", "/v1/silences/{silence_id}", self.expire, {"response_model": None, "status_code": 204}),
            ("GET", "/v1/dead-letters", self.dead_letters, {"response_model": FoundPage}),
            ("POST", "/api/v2/alerts", self.alerts, {"response_model": None}),
        ):
            given: dict[str, Any] = {**more, "tags": [path.split("/")[-1 if path.startswith("/api") else 2]]}
            responses = documented(404, 409, 422, 502, 503)
            router.add_api_route(path, endpoint, methods=[method], responses=responses, **given)
        return router

    async def list(self, request: Request, _caller: Viewer, state: StateQuery = None, after: After = None) -> Response:
        """Open incidents, the newest first; ``state=all`` has those that are over, too."""
        answer = await self._notifier.ask("/v1/incidents", {"state": state, "after": after})
        return unless_known(request, passed_on(self._notifier, answer))

    async def show(self, request: Request, _caller: Viewer, incident_id: Identity) -> Response:
        """One incident with its clocks, alerts, timeline, and who was told when."""
        answer = await self._notifier.ask(f"/v1/incidents/{segment(incident_id)}", {})
        return unless_known(request, passed_on(self._notifier, answer))

    async def acknowledge(self, caller: Reviewer, incident_id: Identity, _none: Nothing = None) -> Response:
        """Say that one works on it: nobody else is called."""
        return await self._told(incident_id, "ack", {"actor": caller.actor})

    async def resolve(self, caller: Reviewer, incident_id: Identity, _none: Nothing = None) -> Response:
        """It is over; whoever was told is told."""
        return await self._told(incident_id, "resolve", {"actor": caller.actor})

    async def move(self, act: Move, caller: Reviewer, incident_id: Identity) -> Response:
        """On to a later state, for example ``mitigated`` or ``closed``."""
        return await self._told(incident_id, "move", {"actor": caller.actor, "state": act.state})

    async def silences(self, request: Request, _caller: Viewer) -> Response:
        """Silences that are set, those that begin later too."""
        return unless_known(request, passed_on(self._notifier, await self._notifier.ask("/v1/silences", {})))

    async def silence(self, act: Silence, caller: Admin) -> Response:
        """Page nobody for a while about what the matchers match."""
        body = {**act.model_dump(mode="json", exclude_none=True), "author": caller.actor}
        return passed_on(self._notifier, await self._notifier.tell("/v1/silences", body))

    async def expire(self, caller: Admin, silence_id: Identity) -> Response:
        """End a silence now."""
        answer = await self._notifier.drop(f"/v1/silences/{segment(silence_id)}", {"actor": caller.actor})
        return passed_on(self._notifier, answer)

    async def dead_letters(self, request: Request, _caller: Viewer) -> Response:
        """The newest messages that could not be delivered, each with the last answer."""
        return unless_known(request, passed_on(self._notifier, await self._notifier.ask("/v1/dead-letters", {})))

    async def alerts(self, given: Posted, caller: Sender) -> Response:
        """For what sends to an Alertmanager, with an agent's token: each alert with its labels and annotations.

        A token that is bound to systems needs the label ``system`` with one of them on each.
        """
        if caller.systems is not None:
            for number, alert in enumerate(given):
                check_speaks_for(caller, _system_of(alert), of=f"alert {number}")
        return passed_on(self._notifier, await self._notifier.tell("/api/v2/alerts", given))

    async def _told(self, incident_id: str, what: str, body: dict[str, str]) -> Response:
        path = f"/v1/incidents/{segment(incident_id)}/{what}"
        return passed_on(self._notifier, await self._notifier.tell(path, body))


def _system_of(alert: dict[str, Any]) -> str:
    """Of the labels that notifier takes for a system, the one that it takes first."""
    labels = alert.get("labels")
    return str(labels.get("system", "")) if isinstance(labels, dict) else ""
