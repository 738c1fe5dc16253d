"""Reading requests strictly, and telling what is wrong with them."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from random import Random
from typing import TypeVar

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from autonomy_controller.commands import NotFound, TooManyReviews
from autonomy_controller.deciding import IdReused
from autonomy_controller.domain.reviews import Refused
from flyball.bus.retry import Backoff, retried
from flyball.observe import bodies
from flyball.observe.bodies import InvalidBodyError
from flyball.observe.http import Endpoint, problem
from flyball.observe.problems import Answers, with_problems, without_nul
from flyball.store.errors import Transient

Clock = Callable[[], datetime]
Body = TypeVar("Body", bound=BaseModel)
Result = TypeVar("Result")
BODY_BYTES_MAX = 1_048_576
"""The largest is a recorded decision to be made again: a record of the audit topic."""
FLAW_CHARACTERS_MAX = 1_024
BRIEFLY = Backoff(base_seconds=0.02, cap_seconds=0.2, attempts_max=4)
"""Deadlocks and lost connections are tried again while the caller waits; a longer outage is theirs to retry."""


async def read(request: Request, model: type[Body]) -> Body:
    """The request's body. What it raises is answered."""
    return await bodies.read(request, model, BODY_BYTES_MAX)


async def attempt(action: Callable[[], Awaitable[Result]]) -> Result:
    return await retried("command", action, BRIEFLY, Random())


def guarded(method: str, endpoint: Endpoint) -> Endpoint:
    """What changes something may be refused, with a reason that programs can read."""
    return without_nul(with_problems(endpoint, ANSWERS) if method == "POST" else endpoint, _not_there)


def _not_there() -> Response:
    return problem(404, "Not found", "nothing has a NUL in its name", reason="not_found")


def _unreadable(error: InvalidBodyError) -> Response:
    return problem(422, "Unreadable", error.flaw[:FLAW_CHARACTERS_MAX], field=error.field or None)


def _answer(status: int, title: str, reason: str, advice: str) -> Callable[[Exception], Response]:
    return lambda error: problem(status, title, f"{error}{advice}", reason=reason)


def _refusal(error: Refused) -> JSONResponse:
    """A second verdict learns the first."""
    verdicts = [verdict.model_dump(mode="json") for verdict in error.review.verdicts]
    state, resolution = error.review.state, error.review.resolution
    return problem(
        409, "Conflict", error.detail, reason=error.reason, state=state, resolution=resolution, verdicts=verdicts
    )


ANSWERS: Answers = {
    InvalidBodyError: _unreadable,
    Refused: _refusal,
    NotFound: _answer(404, "Not found", "not_found", ""),
    IdReused: _answer(409, "Conflict", "action_id_reused", " names another action already: use a new id"),
    TooManyReviews: _answer(
        429, "Too many reviews", "review_load", " has given 40 verdicts in an hour; ask somebody else"
    ),
    Transient: _answer(503, "Unavailable", "unavailable", "; try again with the same id"),
}
