"""Request bodies, within a bound."""

from fastapi import Request

from console.api.problems import ProblemError


async def body_of(request: Request, bytes_max: int) -> bytes:
    """The whole body. Raises ``ProblemError`` 413 as soon as it is longer than ``bytes_max``."""
    parts: list[bytes] = []
    length = 0
    async for part in request.stream():
        length += len(part)
        if length > bytes_max:
            raise ProblemError(413, "the body is too large", f"it may have {bytes_max} bytes; send it in parts")
        parts.append(part)
    return b"".join(parts)


def media_type_of(request: Request) -> str:
    """``Application/JSON; charset=utf-8`` as ``application/json``."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()
