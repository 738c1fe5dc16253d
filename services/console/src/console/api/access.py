"""Nobody comes in without a token."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any

from fastapi import Request, Security
from fastapi.security import HTTPBearer

from console.api.problems import ProblemError
from console.domain.tokens import holder_of

BEARER = HTTPBearer(auto_error=False, description="An API token; console knows its SHA-256 from FLYBALL_API_TOKENS.")


def holder_required(names: Mapping[str, str]) -> Callable[..., Awaitable[None]]:
    """A dependency that lets only holders of a known token through and keeps the holder's name on the request."""

    async def check(request: Request, _documented: Annotated[Any, Security(BEARER)] = None) -> None:
        holder = holder_of(request.headers.get("authorization", "").encode("latin-1"), names)
        if holder is None:
            raise ProblemError(
                401,
                "no known API token",
                "send 'Authorization: Bearer <API token>' (flyball: set FLYBALL_TOKEN); a token is known when its"
                " SHA-256 is in console's FLYBALL_API_TOKENS",
                {"WWW-Authenticate": "Bearer"},
            )
        request.state.holder = holder

    return check
