"""A target behind HTTP: whatever switches traffic, told by signed requests.

``POST apply`` with ``{target, token, epoch}``; ``POST snapshot`` and ``POST replicas`` with ``{target}``. Each request
has ``Flyball-Signature: t=<seconds>,v1=<HMAC-SHA256 of "<seconds>.<path>.<body>">``; ``apply`` has an
``Idempotency-Key`` that is the same for the same order. 409 says that a newer epoch was there.
"""

import hmac
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict
from hashlib import sha256
from http import HTTPStatus
from time import time
from typing import Any

import httpx
from pydantic import TypeAdapter, ValidationError

from flyball.store.errors import Transient
from rollback_executor.adapters.rows import POINTER
from rollback_executor.domain.rollout import Pointer
from rollback_executor.ports import TargetName, TargetRefusedError

ANSWER_BYTES_MAX = 65_536
DETAIL_CHARACTERS_MAX = 256
SIGNATURE = "Flyball-Signature"
IDEMPOTENCY_KEY = "Idempotency-Key"
TRY_AGAIN = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
REPLICAS = TypeAdapter(dict[str, str])


def signature(secret: str, seconds: int, path: str, body: bytes) -> str:
    """The value of the signature's header; a receiver computes it again and compares in constant time."""
    signed = f"{seconds}.{path}.".encode() + body
    return f"t={seconds},v1={hmac.new(secret.encode(), signed, sha256).hexdigest()}"


class WebhookTarget:
    """One target of a webhook."""

    supports_partial = True

    def __init__(
        self, client: httpx.AsyncClient, secret: str, name: TargetName, clock: Callable[[], float] = time
    ) -> None:
        self._client = client
        self._secret = secret
        self._name = name
        self._clock = clock

    async def snapshot(self) -> Pointer | None:
        token = (await self._ask("snapshot", {})).get("token")
        found: Pointer | None = None if token is None else _read(POINTER, token)
        return found

    async def apply(self, token: Pointer, epoch: int) -> None:
        await self._ask("apply", {"token": asdict(token), "epoch": epoch}, key=f"{self._name}:{epoch}")

    async def observe(self) -> Mapping[str, str]:
        versions: dict[str, str] = _read(REPLICAS, (await self._ask("replicas", {})).get("replicas"))
        return versions

    async def _ask(self, path: str, question: Mapping[str, Any], key: str | None = None) -> dict[str, Any]:
        body = json.dumps({"target": asdict(self._name), **question}, separators=(",", ":")).encode()
        headers = {"Content-Type": "application/json"} | ({IDEMPOTENCY_KEY: key} if key else {})
        headers[SIGNATURE] = signature(self._secret, int(self._clock()), path, body)
        try:
            async with self._client.stream("POST", path, content=body, headers=headers) as answer:
                return _judged(answer.status_code, await _bounded(answer))
        except httpx.HTTPError as error:
            raise Transient(f"the webhook's {path}: {type(error).__name__}: {error}") from error


class WebhookTargets:
    """All targets of one webhook."""

    def __init__(self, client: httpx.AsyncClient, secret: str) -> None:
        self._client = client
        self._secret = secret

    def target(self, name: TargetName) -> WebhookTarget:
        return WebhookTarget(self._client, self._secret, name)


@asynccontextmanager
async def open_webhook_targets(url: str, secret: str, timeout_seconds: float) -> AsyncIterator[WebhookTargets]:
    """``url`` ends in ``/``. Redirects are not followed: a signed order goes where it was addressed."""
    async with httpx.AsyncClient(base_url=url, timeout=timeout_seconds, follow_redirects=False) as client:
        yield WebhookTargets(client, secret)


async def _bounded(answer: httpx.Response) -> bytes:
    body = b""
    async for part in answer.aiter_bytes():
        body += part
        if len(body) > ANSWER_BYTES_MAX:
            raise Transient(f"the webhook answered with more than {ANSWER_BYTES_MAX} bytes")
    return body


def _judged(status: int, body: bytes) -> dict[str, Any]:
    detail = f"the webhook answered {status}: {body[:DETAIL_CHARACTERS_MAX].decode('utf-8', 'replace')}"
    if status in TRY_AGAIN or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise Transient(detail)
    if status >= HTTPStatus.MULTIPLE_CHOICES:
        raise TargetRefusedError(detail)
    try:
        found = json.loads(body or b"{}")
    except ValueError as error:
        raise Transient(f"{detail}: not JSON") from error
    return found if isinstance(found, dict) else {}


def _read(adapter: TypeAdapter[Any], value: Any) -> Any:
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        raise Transient(f"the webhook's answer is not what it should be: {error.errors()[0]['msg']}") from error
