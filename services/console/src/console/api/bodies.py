"""Request bodies, within a bound."""

from fastapi import Request

from console.api.problems import ProblemError
from flyball.observe import bodies


async def body_of(request: Request, bytes_max: int) -> bytes:
    """The whole body. Raises ``ProblemError`` 413 as soon as it is longer than ``bytes_max``."""
    try:
        return await bodies.body_of(request, bytes_max)
    except bodies.BodyTooLargeError as error:
        raise ProblemError(413, "the body is too large", f"{error}; send it in parts") from error


def media_type_of(request: Request) -> str:
    """``Application/JSON; charset=utf-8`` as ``application/json``."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()
