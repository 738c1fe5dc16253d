"""Questions about this service's own state."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from flyball.observe.http import with_token
from flyball.schemas.base import DEFAULT_TENANT
from flyball.store.postgres import PostgresDatabase

ROLLOUTS_MAX = 100


class RolloutQuestions:
    """Answers from the service's own tables."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database

    async def rollouts(self, request: Request) -> Response:
        query = request.query_params
        found = await self._database.fetch(
            "SELECT id FROM rollouts WHERE tenant = $1 AND ($2::text IS NULL OR system = $2)"
            " ORDER BY number DESC LIMIT $3",
            query.get("tenant", DEFAULT_TENANT),
            query.get("system"),
            ROLLOUTS_MAX,
        )
        return JSONResponse({"items": [dict(row) for row in found]})


def routes(database: PostgresDatabase, token: str) -> list[Route]:
    questions = RolloutQuestions(database)
    return [Route("/v1/rollouts", with_token(token, questions.rollouts), methods=["GET"])]
