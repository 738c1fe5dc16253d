"""Request bodies within a bound, and what is wrong with them in a line."""

from pydantic import ValidationError
from starlette.requests import Request

PLACE_CHARACTERS_MAX = 256


class BodyTooLargeError(Exception):
    """The body of a request has more bytes than any that makes sense; the text says how many are allowed."""


async def body_of(request: Request, bytes_max: int) -> bytes:
    """The whole body. Raises ``BodyTooLargeError`` as soon as it is longer: the rest is not read."""
    parts: list[bytes] = []
    length = 0
    async for part in request.stream():
        length += len(part)
        if length > bytes_max:
            raise BodyTooLargeError(f"a body has {bytes_max} bytes at most")
        parts.append(part)
    return b"".join(parts)


def flaw_of(error: ValidationError) -> tuple[str, str]:
    """Where the first thing is wrong (empty: the body itself), and what. The input, maybe a secret, is not repeated."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return ".".join(str(part) for part in first["loc"])[:PLACE_CHARACTERS_MAX], first["msg"]
