"""Stand-ins for PagerDuty and Slack on loopback, which show what they are sent."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from flyball.observe.http import http_server
from flyball.stack.ports import LOOPBACK, claim_port

Say = Callable[[str, str], None]
"""Who got it, and what it says."""
KEPT_MAX = 1_000


@dataclass(slots=True)
class Providers:
    """What they were sent so far, the newest thousand of each."""

    say: Say
    url: str = ""
    pages: list[dict[str, Any]] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)

    async def page(self, request: Request) -> Response:
        """PagerDuty's Events API v2."""
        event = json.loads(await request.body())
        self.pages = [*self.pages, event][-KEPT_MAX:]
        said = event.get("payload", {}).get("summary", event["dedup_key"])
        self.say("PagerDuty", f"{event['event_action']}: {said}")
        return JSONResponse({"status": "success", "dedup_key": event["dedup_key"]}, 202)

    async def message(self, request: Request) -> Response:
        """An incoming webhook of Slack."""
        body = json.loads(await request.body())
        self.messages = [*self.messages, body][-KEPT_MAX:]
        self.say("Slack", body["text"])
        return PlainTextResponse("ok")


@asynccontextmanager
async def providers(say: Say) -> AsyncIterator[Providers]:
    """Both, on one port."""
    found = Providers(say)
    port = claim_port(0, "the stand-ins for PagerDuty and Slack")
    found.url = f"http://{LOOPBACK}:{port}"
    routes = [
        Route("/v2/enqueue", found.page, methods=["POST"]),
        Route("/slack", found.message, methods=["POST"]),
    ]
    server = http_server(routes, LOOPBACK, port)
    serving = asyncio.create_task(server.serve())
    try:
        yield found
    finally:
        server.should_exit = True
        await serving
