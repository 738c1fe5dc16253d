"""Questions about incidents and silences, and what people say to them."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from flyball.observe.bodies import read
from flyball.observe.http import Endpoint, problem, with_token
from flyball.observe.problems import Answers, with_problems
from flyball.schemas.base import DEFAULT_TENANT, NAME_PATTERN
from flyball.schemas.incidents import IncidentState
from flyball.store.postgres import PostgresDatabase, PostgresTransaction
from notifier import views
from notifier.adapters import reading
from notifier.adapters.changes import read_linked
from notifier.bodies import BODY_BYTES_MAX, ActorBody, MoveBody, SilenceBody
from notifier.domain import clocks
from notifier.domain.board import Board
from notifier.domain.inputs import Acknowledged, Input, MovedOn, SilenceEnded, SilenceSet
from notifier.posting import PostedAlerts
from notifier.service import Notifier
from notifier.ticker import utc_now

PAGE = 100
IDENTITY = re.compile(r"[0-9A-Za-z-]{1,64}")
TENANT = re.compile(NAME_PATTERN)
TIMELINE_MAX, CHILDREN_MAX, SILENCES_MAX = 500, 1_000, 1_000


class Refused(Exception):
    """What was asked does not apply; the response says why."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


ANSWERS: Answers = {Refused: lambda refused: refused.response}


class NotifierQuestions:
    """Answers from this service's own tables; words of people become inputs like any other."""

    def __init__(
        self,
        notifier: Notifier[PostgresTransaction],
        database: PostgresDatabase,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._notifier = notifier
        self._database = database
        self._clock = clock

    async def incidents(self, request: Request) -> Response:
        query = request.query_params
        found = await reading.read_incidents(
            self._database,
            _tenant(request),
            open_only=query.get("state", "open") != "all",
            before=_place(query.get("after")),
            rows_max=PAGE,
        )
        following = f"{found[-1].detected_at.isoformat()}/{found[-1].id}" if len(found) == PAGE else None
        return JSONResponse({"items": [views.incident(each) for each in found], "next": following})

    async def incident(self, request: Request) -> Response:
        tenant = _tenant(request)
        return JSONResponse(await self._whole(tenant, _identity(request)))

    async def acknowledge(self, request: Request) -> Response:
        said = await read(request, ActorBody, BODY_BYTES_MAX)
        identity = _identity(request)

        def refuse(board: Board) -> None:
            known = board.incidents.get(identity)
            if known is None or not known.open:
                raise Refused(_not_open(identity, known.state if known else None))

        await self._decide(said.tenant, Acknowledged(identity, said.actor, self._clock()), refuse)
        return JSONResponse(await self._whole(said.tenant, identity))

    async def resolve(self, request: Request) -> Response:
        said = await read(request, ActorBody, BODY_BYTES_MAX)
        return await self._move(said, _identity(request), "resolved")

    async def move(self, request: Request) -> Response:
        said = await read(request, MoveBody, BODY_BYTES_MAX)
        return await self._move(said, _identity(request), said.state)

    async def silences(self, request: Request) -> Response:
        tenant = _tenant(request)
        found = await reading.read_silences(self._database, tenant, self._clock(), SILENCES_MAX)
        return JSONResponse({"items": [views.silence(each) for each in found]})

    async def silence(self, request: Request) -> Response:
        said = await read(request, SilenceBody, BODY_BYTES_MAX)
        now = self._clock()
        try:
            silence = said.silence(str(uuid4()), now)
        except ValueError as error:
            raise Refused(problem(422, "Not a silence", str(error))) from error

        def refuse(board: Board) -> None:
            if len(board.silences) >= SILENCES_MAX:
                raise Refused(problem(409, "Too many silences", f"{SILENCES_MAX} are set: end one first"))

        await self._decide(said.tenant, SilenceSet(silence, now), refuse)
        return JSONResponse(views.silence(silence), status_code=201)

    async def end_silence(self, request: Request) -> Response:
        identity, query = _identity(request), request.query_params
        actor = query.get("actor", "")[:256].replace("\0", "") or "somebody with the service token"

        def refuse(board: Board) -> None:
            if identity not in board.silences:
                raise Refused(problem(404, "Not found", f"there is no silence {identity}"))

        await self._decide(_tenant(request), SilenceEnded(identity, actor, self._clock()), refuse)
        return Response(status_code=204)

    async def dead_letters(self, request: Request) -> Response:
        tenant = _tenant(request)
        found = await reading.read_deliveries(self._database, tenant, None, "dead", PAGE)
        return JSONResponse({"items": [views.delivery(each) for each in found]})

    async def _move(self, said: ActorBody, identity: str, state: IncidentState) -> Response:
        def refuse(board: Board) -> None:
            known = board.incidents.get(identity)
            if known is None or (state not in clocks.allowed(known.state) and known.state != state):
                raise Refused(_not_open(identity, known.state if known else None))

        await self._decide(said.tenant, MovedOn(identity, state, said.actor, self._clock()), refuse)
        return JSONResponse(await self._whole(said.tenant, identity))

    async def _decide(self, tenant: str, given: Input, refuse: Callable[[Board], None]) -> None:
        async with self._database.transaction() as transaction:
            await self._notifier.decide(transaction, tenant, [given], refuse)

    async def _whole(self, tenant: str, identity: str) -> dict[str, Any]:
        found = await reading.read_incident(self._database, tenant, identity)
        if found is None:
            raise Refused(_not_open(identity, None))
        total, children = await reading.read_children(self._database, tenant, identity, CHILDREN_MAX)
        deliveries = await reading.read_deliveries(self._database, tenant, identity, None, CHILDREN_MAX)
        return {
            **views.incident(found),
            "clocks": clocks.clocks(found.reached, found.acknowledged_at, found.due_at),
            "child_count": total,
            "children": [views.child(each) for each in children],
            "timeline": list(await reading.read_timeline(self._database, tenant, identity, TIMELINE_MAX)),
            "changes": await read_linked(self._database, tenant, found, self._clock()),
            "receipts": [views.delivery(each) for each in deliveries],
        }


def routes(notifier: Notifier[PostgresTransaction], database: PostgresDatabase, token: str) -> list[Route]:
    ask, posted = NotifierQuestions(notifier, database), PostedAlerts(database)
    table: list[tuple[str, Endpoint, str]] = [
        ("/v1/incidents", ask.incidents, "GET"),
        ("/v1/incidents/{id}", ask.incident, "GET"),
        ("/v1/incidents/{id}/ack", ask.acknowledge, "POST"),
        ("/v1/incidents/{id}/resolve", ask.resolve, "POST"),
        ("/v1/incidents/{id}/move", ask.move, "POST"),
        ("/v1/silences", ask.silences, "GET"),
        ("/v1/silences", ask.silence, "POST"),
        ("/v1/silences/{id}", ask.end_silence, "DELETE"),
        ("/v1/dead-letters", ask.dead_letters, "GET"),
        ("/api/v2/alerts", posted.post, "POST"),
    ]
    return [
        Route(path, with_token(token, with_problems(endpoint, ANSWERS)), methods=[method])
        for path, endpoint, method in table
    ]


def _identity(request: Request) -> str:
    identity = str(request.path_params["id"])
    if not IDENTITY.fullmatch(identity):
        raise Refused(problem(404, "Not found", "an id looks like 0d8f3a52-6a3e-5a0e-8f3d-2b8a5e6f7c10"))
    return identity


def _tenant(request: Request) -> str:
    tenant = request.query_params.get("tenant", DEFAULT_TENANT)
    if not TENANT.fullmatch(tenant):
        raise Refused(problem(422, "Not valid", "tenant: lower case, digits and . _ -, at most 63 characters"))
    return tenant


def _place(after: str | None) -> tuple[datetime, str] | None:
    if after is None:
        return None
    moment, _, identity = after.partition("/")
    try:
        at = datetime.fromisoformat(moment)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None or not IDENTITY.fullmatch(identity):
        raise Refused(problem(422, "Not valid", "after: give what an earlier page said under next"))
    return at, identity


def _not_open(identity: str, state: str | None) -> Response:
    if state is None:
        return problem(
            404, "Not found", f"there is no incident {identity}; `flyball incidents list` shows those there are"
        )
    return problem(409, "Does not apply", f"incident {identity} is {state} already")
