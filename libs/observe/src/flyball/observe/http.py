"""The small HTTP port that every service has: health, metrics and questions about its own state."""

import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import Field, SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from flyball.observe.health import Health
from flyball.observe.metrics import Metrics
from flyball.observe.settings import Settings


class HttpSettings(Settings):
    """Where a service listens (loopback unless told otherwise) and the token its questions need (no default)."""

    http_host: str = "127.0.0.1"
    http_port: int = Field(default=8080, ge=0, le=65_535)
    service_token: SecretStr = Field(min_length=16)


Endpoint = Callable[[Request], Awaitable[Response]]
PROBLEM = "application/problem+json"
KEEP_ALIVE_SECONDS = 15
"""Longer than clients keep an idle connection (httpx: 5 s, as uvicorn by default): who closes first must be the one
who asks, or a question that is on its way when the server closes has no answer."""


def problem(status: int, title: str, detail: str, **extra: Any) -> JSONResponse:
    """An RFC 9457 problem document."""
    body = {"type": "about:blank", "status": status, "title": title, "detail": detail, **extra}
    return JSONResponse(body, status_code=status, media_type=PROBLEM)


def with_token(token: str, endpoint: Endpoint) -> Endpoint:
    """Let only requests with ``Authorization: Bearer <token>`` through."""
    expected = f"Bearer {token}".encode()

    async def guarded(request: Request) -> Response:
        given = request.headers.get("authorization", "").encode()
        if not secrets.compare_digest(given, expected):
            return problem(401, "Unauthorized", "send 'Authorization: Bearer <service token>'")
        return await endpoint(request)

    return guarded


def health_routes(health: Health, metrics: Metrics) -> list[Route]:
    async def live(_: Request) -> Response:
        stalled = health.stalled()
        return JSONResponse({"live": not stalled, "stalled": stalled}, status_code=503 if stalled else 200)

    async def ready(_: Request) -> Response:
        waiting = health.waiting_for()
        return JSONResponse({"ready": not waiting, "waiting_for": waiting}, status_code=503 if waiting else 200)

    async def exposition(_: Request) -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return [Route("/live", live), Route("/ready", ready), Route("/metrics", exposition)]


def unavailable_on(*errors: type[Exception]) -> Mapping[Any, Any]:
    """Exception handlers that answer 503 for errors that pass by themselves."""

    async def unavailable(_: Request, error: Exception) -> Response:
        answer = problem(503, "Service unavailable", f"{error}; ask again in a moment")
        answer.headers["Retry-After"] = "2"
        return answer

    return dict.fromkeys(errors, unavailable)


def http_server(
    routes: Sequence[BaseRoute], host: str, port: int, exception_handlers: Mapping[Any, Any] | None = None
) -> uvicorn.Server:
    """A server for ``await server.serve()``; it leaves signals and logging to the process."""
    config = uvicorn.Config(
        Starlette(routes=list(routes), exception_handlers=exception_handlers),
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=5,
        limit_concurrency=512,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )
    return uvicorn.Server(config)
