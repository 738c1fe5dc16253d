"""The routes together, with their OpenAPI document."""

from collections.abc import Iterable

from fastapi import APIRouter, FastAPI

from console.api import access, problems
from console.api.access import Access
from console.api.names import WithoutNul

DESCRIPTION = """What people, agents and the `flyball` command ask of Flyball.

Pages have `items` and `next`; give `next` back as `after` for the page that follows, until it is null.
Errors are RFC 9457 problems whose `detail` says what to do."""


def create_application(routers: Iterable[APIRouter], known: Access) -> FastAPI:
    """An ASGI application that serves ``routers`` to those whom each route admits, and /openapi.json to everybody.

    Raises ``TypeError`` for a route that does not declare its role.
    """
    application = FastAPI(title="Flyball", version="1.0.0", description=DESCRIPTION, docs_url=None, redoc_url=None)
    problems.install(application)
    application.add_middleware(WithoutNul)
    for router in routers:
        application.include_router(router)
    access.install(application, known)
    return application
