"""What endpoints answer alike: bodies that cannot be taken, names that nothing has, and refusals of each service."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from flyball.observe.bodies import BodyTooLargeError, InvalidBodyError
from flyball.observe.http import Endpoint, problem

DETAIL_CHARACTERS_MAX: Final = 512
Answers = Mapping[type[Exception], Callable[[Any], Response]]
"""By kind of error; the nearest kind of an error is the one that answers."""


def too_large(error: BodyTooLargeError) -> Response:
    return problem(413, "Too large", str(error))


def not_valid(error: InvalidBodyError) -> Response:
    return problem(422, "Not valid", f"{error.field or 'the body'}: {error.flaw}"[:DETAIL_CHARACTERS_MAX])


def not_valid_after_all(error: ValidationError) -> Response:
    """For services that build what they store from a request, and find only then what is wrong with it."""
    return not_valid(InvalidBodyError.of(error))


UNREADABLE: Final[Answers] = {BodyTooLargeError: too_large, InvalidBodyError: not_valid}


def with_problems(endpoint: Endpoint, also: Answers | None = None) -> Endpoint:
    """``endpoint``, whose errors of these kinds are answers; ``also`` goes before what is answered anyway.

    Whatever else it raises is a bug, or for the handlers of the whole application.
    """
    answers = {**UNREADABLE, **(also or {})}
    kinds = tuple(answers)

    async def answered(request: Request) -> Response:
        try:
            return await endpoint(request)
        except kinds as error:
            nearest = next(kind for kind in type(error).__mro__ if kind in answers)
            return answers[nearest](error)

    return answered


def no_such_name() -> Response:
    return problem(422, "Not valid", "no name holds a NUL")


def without_nul(endpoint: Endpoint, refusal: Callable[[], Response] = no_such_name) -> Endpoint:
    """Postgres has no NUL in a text, so nothing is named by one; asked for it would be an error of ours."""

    async def checked(request: Request) -> Response:
        named = (*request.path_params.values(), *request.query_params.values())
        if any("\0" in str(name) for name in named):
            return refusal()
        return await endpoint(request)

    return checked
