"""The routes together, with their OpenAPI document."""

from collections.abc import Iterable, Mapping

from fastapi import APIRouter, Depends, FastAPI

from console.api.access import holder_required
from console.api.problems import install

DESCRIPTION = """What people, agents and the `flyball` command ask of Flyball.

Pages have `items` and `next`; give `next` back as `after` for the page that follows, until it is null.
Errors are RFC 9457 problems whose `detail` says what to do."""


def create_application(routers: Iterable[APIRouter], token_names: Mapping[str, str]) -> FastAPI:
    """An ASGI application that serves ``routers`` to holders of a token, and /openapi.json to everybody."""
    application = FastAPI(
        title="Flyball",
        version="1.0.0",
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(holder_required(token_names))],
    )
    install(application)
    for router in routers:
        application.include_router(router)
    return application
