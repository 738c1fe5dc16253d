"""What agents ask for: a decision, the start of what was decided, and to be heard on how it ended."""

from typing import Any

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from autonomy_controller.adapters.reading import read_action
from autonomy_controller.api.requests import Clock, attempt, read
from autonomy_controller.commands import Commands
from autonomy_controller.domain.state import Action
from flyball.observe.http import Endpoint, problem
from flyball.schemas.audit import Digest
from flyball.schemas.autonomy import ActionReported, ActionRequested
from flyball.schemas.base import Count, Event
from flyball.store.postgres import PostgresDatabase, PostgresTransaction

STATUS = {"not_found": 404}
DETAILS = {
    "not_found": "no such action: ask for a decision first",
    "pending": "nobody has approved it yet",
    "expired": "its validity has ended; ask again under a new id",
    "cancelled": "it was refused or stopped",
    "consumed": "it was started before; an approval is good for one execution",
    "digest_mismatch": "the action is not the one that was approved",
    "policy_mismatch": "the policy has changed since; ask again under a new id",
}


class Start(Event):
    """Which action exactly: a changed one has another digest."""

    digest: Digest
    policy_version: Count = Field(default=0)


class AgentDesk:
    def __init__(self, commands: Commands[PostgresTransaction], database: PostgresDatabase, clock: Clock) -> None:
        self._commands = commands
        self._database = database
        self._clock = clock

    def routes(self) -> list[tuple[str, str, Endpoint]]:
        return [
            ("POST", "/v1/decisions", self.decide),
            ("GET", "/v1/actions/{action_id}", self.show),
            ("POST", "/v1/actions/{action_id}/start", self.start),
            ("POST", "/v1/actions/{action_id}/report", self.report),
        ]

    async def decide(self, request: Request) -> Response:
        asked = await read(request, ActionRequested)
        now = self._clock()
        action = await attempt(lambda: self._commands.decide(asked, now))
        return JSONResponse(action.decided.model_dump(mode="json", exclude={"request"}))

    async def start(self, request: Request) -> Response:
        given, now = await read(request, Start), self._clock()
        action_id = request.path_params["action_id"]
        found = await attempt(lambda: self._commands.start(action_id, given.digest, given.policy_version, now))
        if isinstance(found, Action):
            return JSONResponse(action_fields(found))
        return problem(STATUS.get(found, 409), "Not started", DETAILS[found], reason=found)

    async def report(self, request: Request) -> Response:
        event, now = await read(request, ActionReported), self._clock()
        if event.action_id != request.path_params["action_id"]:
            return problem(422, "Unreadable", "action_id is not that of the address", field="action_id")
        return JSONResponse(action_fields(await attempt(lambda: self._commands.report(event, now))))

    async def show(self, request: Request) -> Response:
        action = await read_action(self._database, request.path_params["action_id"])
        if action is None:
            return problem(404, "Not found", DETAILS["not_found"], reason="not_found")
        return JSONResponse(action_fields(action))


def action_fields(action: Action) -> dict[str, Any]:
    """What an agent may know of an action: not whether it is audited."""
    decided = action.decided.model_dump(mode="json", exclude={"request"})
    ended_at = action.ended_at.isoformat() if action.ended_at else None
    return {"state": action.state, "detail": action.detail, "ended_at": ended_at, "decision": decided}
