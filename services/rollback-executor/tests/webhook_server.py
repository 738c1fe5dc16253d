"""A switch behind HTTP, as a user of the webhook adapter would write it: it checks signatures and epochs."""

import asyncio
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from flyball.observe.http import http_server
from flyball.stack.ports import LOOPBACK, claim_port
from rollback_executor.adapters.webhook import WebhookTargets, open_webhook_targets

SECRET = "secret-of-the-webhook"


@dataclass
class Switch:
    """Faults are given by name: ``says_ok`` does nothing and answers 200, ``hangs`` works and answers too late."""

    epoch: int = 0
    token: dict[str, Any] | None = None
    replicas: dict[str, str] = field(default_factory=dict)
    fault: str = ""
    keys: list[str] = field(default_factory=list)

    async def answer(self, request: Request) -> Response:
        body = await request.body()
        path = request.path_params["path"]
        if not self._is_signed(request.headers.get("flyball-signature", ""), path, body):
            return JSONResponse({"error": "signature"}, status_code=401)
        if self.fault == "away":
            return JSONResponse({"error": "away"}, status_code=503)
        asked = json.loads(body)
        if path == "apply":
            return await self._apply(request, asked)
        return JSONResponse({"token": self.token} if path == "snapshot" else {"replicas": self.replicas})

    async def _apply(self, request: Request, asked: dict[str, Any]) -> Response:
        self.keys.append(request.headers["idempotency-key"])
        if self.fault == "says_ok":
            return JSONResponse({})
        if asked["epoch"] < self.epoch or (asked["epoch"] == self.epoch and asked["token"] != self.token):
            return JSONResponse({"error": f"epoch {self.epoch} was here"}, status_code=409)
        self.epoch, self.token = asked["epoch"], asked["token"]
        self.replicas = dict.fromkeys(self.replicas or ["only"], asked["token"]["stable"])
        if self.fault == "hangs":
            await asyncio.sleep(1)
        return JSONResponse({})

    def _is_signed(self, header: str, path: str, body: bytes) -> bool:
        parts = dict(part.partition("=")[::2] for part in header.split(","))
        signed = f"{parts.get('t')}.{path}.".encode() + body
        return hmac.compare_digest(parts.get("v1", ""), hmac.new(SECRET.encode(), signed, sha256).hexdigest())


@asynccontextmanager
async def serving(switch: Switch) -> AsyncIterator[str]:
    """The switch on a real port; yields its URL."""
    port = claim_port(0, "the switch of a test")
    server = http_server([Route("/hooks/{path}", switch.answer, methods=["POST"])], LOOPBACK, port)
    task = asyncio.create_task(server._serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield f"http://{LOOPBACK}:{port}/hooks/"
    finally:
        server.should_exit = True
        await task


@asynccontextmanager
async def switched(switch: Switch, timeout_seconds: float = 5.0) -> AsyncIterator[WebhookTargets]:
    async with serving(switch) as url, open_webhook_targets(url, SECRET, timeout_seconds) as targets:
        yield targets
