"""Default deny: every route declares who may use it, and an application with one that does not is never built."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request, Security
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from fastapi.security import HTTPBearer

from console.api.problems import ProblemError
from console.domain.roles import Caller, Role
from console.domain.tokens import BINDING, Token, TokenError, digest_of_token, holder_of, token_in
from flyball.schemas.base import DEFAULT_TENANT

BEARER = HTTPBearer(auto_error=False, description="An API token; console knows its SHA-256 from FLYBALL_API_TOKENS.")
DOCUMENT = "/openapi.json"
"""The one route that FastAPI adds by itself; it holds nothing but what this repository holds."""


@dataclass(frozen=True, slots=True)
class Access:
    """What an application knows of its callers; it is ``application.state.access``."""

    tokens: Mapping[str, Token]
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)


class Declaration:
    """Says who may use a route. Each route has exactly one among its dependencies."""


@dataclass(frozen=True, slots=True)
class TokenRequired(Declaration):
    """Lets holders of a token with at least this role through, and yields who they are."""

    role: Role

    async def __call__(self, request: Request, _documented: Annotated[Any, Security(BEARER)] = None) -> Caller:
        access: Access = request.app.state.access
        caller = _holder(request, access)
        if not caller.may(self.role):
            raise ProblemError(
                403,
                f"the role {self.role} is needed",
                f"{caller.name} has the role {caller.role}; use the token of somebody who is {_allowed(self.role)}",
            )
        return caller


@dataclass(frozen=True, slots=True)
class Public(Declaration):
    """Lets everybody through: the sign-in form and what it is made of, and nothing that knows anything."""

    async def __call__(self) -> None:
        return None


def requires(role: str) -> Any:
    """A dependency for a route of the API that yields the ``Caller``, or answers 401 or 403.

    ``viewer``, ``reviewer`` and ``admin`` each admit those above too; ``agent`` admits agents and admins. Where the
    caller is not used: ``dependencies=[requires("viewer")]``.
    """
    return Depends(TokenRequired(Role(role)))


def check_speaks_for(caller: Caller, system: str, tenant: str = DEFAULT_TENANT, *, of: str = "this") -> None:
    """Raises ``ProblemError`` 403 where an agent's token is bound to other systems. ``of`` is what names this one."""
    if caller.speaks_for(system, tenant):
        return
    whole = system if tenant == DEFAULT_TENANT else f"{tenant}/{system}"
    raise ProblemError(
        403,
        "another agent's system",
        f"{of} is about {whole[:128]!r}, and the token of {caller.name} speaks for"
        f" {', '.join(sorted(caller.systems or ()))}: use that system's own token, or, in console's"
        f" FLYBALL_API_TOKENS, {BINDING}",
        reason="not_its_system",
    )


def public() -> Any:
    return Depends(Public())


def declarations(dependant: Dependant) -> Iterator[Declaration]:
    """Each declaration among a route's dependencies, however deep."""
    if isinstance(dependant.call, Declaration):
        yield dependant.call
    for below in dependant.dependencies:
        yield from declarations(below)


def check_declared(application: FastAPI) -> None:
    """Raises ``TypeError`` for a route that does not say, once, who may use it."""
    for route in iter_route_contexts(application.routes):
        if route.path == DOCUMENT:
            continue
        dependant: Dependant | None = getattr(route, "dependant", None)
        found = list(declarations(dependant)) if dependant else []
        if len(found) != 1:
            raise TypeError(f"{route.path} declares {len(found)} roles and must declare one: see console.api.access")


def install(application: FastAPI, access: Access) -> None:
    application.state.access = access
    check_declared(application)


def _holder(request: Request, access: Access) -> Caller:
    token = token_in(request.headers.get("authorization", ""))
    try:
        return holder_of(digest_of_token(token or ""), access.tokens, access.clock())
    except TokenError as error:
        raise ProblemError(
            401,
            str(error),
            "send 'Authorization: Bearer <API token>' (flyball: set FLYBALL_TOKEN); a token is known when its"
            " SHA-256 is in console's FLYBALL_API_TOKENS, and good until the end that is set there",
            {"WWW-Authenticate": "Bearer"},
        ) from error


def _allowed(role: Role) -> str:
    return " or ".join(known for known in Role if Caller("x", known).may(role))
