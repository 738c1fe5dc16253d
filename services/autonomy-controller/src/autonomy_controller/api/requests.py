"""Reading requests strictly, and telling what is wrong with them."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from random import Random
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from autonomy_controller.commands import NotFound, TooManyReviews
from autonomy_controller.deciding import IdReused
from autonomy_controller.domain.reviews import Refused
from flyball.bus.retry import Backoff, retried
from flyball.observe.bodies import BodyTooLargeError, body_of, flaw_of
from flyball.observe.http import Endpoint, problem
from flyball.store.errors import Transient

Clock = Callable[[], datetime]
Body = TypeVar("Body", bound=BaseModel)
Result = TypeVar("Result")
BODY_BYTES_MAX = 1_048_576
"""The largest is a recorded decision to be made again: a record of the audit topic."""
BRIEFLY = Backoff(base_seconds=0.02, cap_seconds=0.2, attempts_max=4)
"""Deadlocks and lost connections are tried again while the caller waits; a longer outage is theirs to retry."""


class BadRequest(Exception):
    """``answer`` says what is wrong."""

    def __init__(self, answer: JSONResponse) -> None:
        super().__init__(answer.status_code)
        self.answer = answer


async def read(request: Request, model: type[Body]) -> Body:
    """The request's body. Raises ``BadRequest``."""
    try:
        return model.model_validate_json(await body_of(request, BODY_BYTES_MAX))
    except BodyTooLargeError as error:
        raise BadRequest(problem(413, "Too large", str(error))) from error
    except ValidationError as error:
        field, what = flaw_of(error)
        raise BadRequest(problem(422, "Unreadable", what[:1024], field=field or None)) from error


def storable(endpoint: Endpoint) -> Endpoint:
    """Postgres has no NUL in a text, so nothing is named by one; asked for it would be an error of ours."""

    async def checked(request: Request) -> Response:
        named = (*request.path_params.values(), *request.query_params.values())
        if any("\0" in str(name) for name in named):
            return problem(404, "Not found", "nothing has a NUL in its name", reason="not_found")
        return await endpoint(request)

    return checked


async def attempt(action: Callable[[], Awaitable[Result]]) -> Result:
    return await retried("command", action, BRIEFLY, Random())


async def answered(work: Awaitable[Response]) -> Response:
    """The answer, or the problem that stands in its way, with a reason that programs can read."""
    try:
        return await work
    except BadRequest as error:
        return error.answer
    except Refused as error:
        return _refusal(error)
    except (NotFound, IdReused, TooManyReviews, Transient) as error:
        status, title, reason, advice = PROBLEMS[type(error)]
        return problem(status, title, f"{error}{advice}", reason=reason)


PROBLEMS: Mapping[type[Exception], tuple[int, str, str, str]] = {
    NotFound: (404, "Not found", "not_found", ""),
    IdReused: (409, "Conflict", "action_id_reused", " names another action already: use a new id"),
    TooManyReviews: (429, "Too many reviews", "review_load", " has given 40 verdicts in an hour; ask somebody else"),
    Transient: (503, "Unavailable", "unavailable", "; try again with the same id"),
}


def _refusal(error: Refused) -> JSONResponse:
    """A second verdict learns the first."""
    verdicts = [verdict.model_dump(mode="json") for verdict in error.review.verdicts]
    state, resolution = error.review.state, error.review.resolution
    return problem(
        409, "Conflict", error.detail, reason=error.reason, state=state, resolution=resolution, verdicts=verdicts
    )
