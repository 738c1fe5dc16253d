"""Questions about feeds, and their release."""

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from flyball.observe.bodies import read
from flyball.observe.decisions import decided_again
from flyball.observe.http import Endpoint, problem, with_token
from flyball.observe.problems import Answers, not_valid_after_all, with_problems, without_nul
from flyball.schemas.base import DEFAULT_TENANT
from flyball.store.postgres import PostgresDatabase, PostgresTransaction
from telemetry_ingest.adapters.reading import BEGINNING, Cursor, read_feeds
from telemetry_ingest.desk import Desk, RefusedError, Release
from telemetry_ingest.domain.feeds.facts import KIND, decide_again

PAGE_ROWS_MAX = 500
BODY_BYTES_MAX = 65_536
ANSWERS: Answers = {
    RefusedError: lambda error: problem(409, "Refused", str(error)),
    ValidationError: not_valid_after_all,
}


class FeedQuestions:
    def __init__(self, database: PostgresDatabase, desk: Desk[PostgresTransaction]) -> None:
        self._database, self._desk = database, desk

    async def feeds(self, request: Request) -> Response:
        query = request.query_params
        tenant, after = query.get("tenant", DEFAULT_TENANT), _cursor(query.get("after"))
        items = await read_feeds(self._database, tenant, query.get("system"), after, PAGE_ROWS_MAX)
        last = items[-1] if len(items) == PAGE_ROWS_MAX else None
        following = f"{last['system']}/{last['topic']}/{last['partition']}" if last else None
        return JSONResponse({"items": items, "next": following})

    async def release(self, request: Request) -> Response:
        asked = await read(request, Release, BODY_BYTES_MAX)
        done = await self._desk.release(asked)
        return JSONResponse(done.model_dump(mode="json"))


def feed_routes(database: PostgresDatabase, desk: Desk[PostgresTransaction], token: str) -> list[Route]:
    asked = FeedQuestions(database, desk)
    table: list[tuple[str, str, Endpoint]] = [
        ("GET", "/v1/feeds", asked.feeds),
        ("POST", "/v1/feeds/releases", asked.release),
        ("POST", "/v1/decide-again", decided_again(KIND, decide_again, BODY_BYTES_MAX)),
    ]
    return [
        Route(path, with_token(token, without_nul(with_problems(answer, ANSWERS))), methods=[method])
        for method, path, answer in table
    ]


def _cursor(after: str | None) -> Cursor:
    """Raises ``RefusedError`` for what no page has given."""
    if after is None:
        return BEGINNING
    parts = after.split("/")
    if len(parts) != len(BEGINNING) or not parts[2].isascii() or not parts[2].isdigit() or len(parts[2]) > 9:  # noqa: PLR2004
        raise RefusedError(f"after is what `next` of the page before said, not {after[:64]!r}")
    return parts[0], parts[1], int(parts[2])
