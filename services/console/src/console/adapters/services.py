"""Questions to other services over HTTP, bounded in time and size."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import httpx

ANSWER_BYTES_MAX = 16 * 1_048_576
CONNECTIONS_MAX = 32


class UnreachableError(Exception):
    """A service gave no answer; ``since`` is when it first did not."""

    def __init__(self, service: str, since: datetime, cause: str) -> None:
        super().__init__(f"{service} is unreachable (unknown since {since:%Y-%m-%dT%H:%M:%SZ}): {cause}")
        self.service = service
        self.since = since
        self.cause = cause


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    media_type: str
    body: bytes


@dataclass(slots=True)
class OtherService:
    """One service that console asks, and since when it has been silent."""

    name: str
    client: httpx.AsyncClient
    seconds_max: float
    unknown_since: datetime | None = None

    async def ask(self, path: str, parameters: Mapping[str, str | None]) -> Answer:
        """GET ``path``. Raises ``UnreachableError`` without an answer in time, or for one that is 5xx or too large."""
        given = {name: value for name, value in parameters.items() if value is not None}
        return await self._answer(self.client.build_request("GET", path, params=given))

    async def tell(
        self, path: str, body: Mapping[str, Any] | Sequence[Any], headers: Mapping[str, str] | None = None
    ) -> Answer:
        """POST ``body`` as JSON to ``path``. Raises as ``ask`` does."""
        return await self._answer(self.client.build_request("POST", path, json=body, headers=dict(headers or {})))

    async def drop(self, path: str, parameters: Mapping[str, str]) -> Answer:
        """DELETE ``path``. Raises as ``ask`` does."""
        return await self._answer(self.client.build_request("DELETE", path, params=dict(parameters)))

    async def _answer(self, request: httpx.Request) -> Answer:
        try:
            # httpx's own time-outs begin anew with each piece of an answer.
            async with asyncio.timeout(self.seconds_max):
                answer = await self._send(request)
        except (httpx.HTTPError, TimeoutError) as error:
            raise self._unreachable(f"{type(error).__name__} {error}".strip()) from error
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise self._unreachable(f"it answered {answer.status}")
        self.unknown_since = None
        return answer

    async def _send(self, request: httpx.Request) -> Answer:
        response = await self.client.send(request, stream=True)
        async with aclosing(response):
            parts, length = [], 0
            async for part in response.aiter_bytes():
                length += len(part)
                if length > ANSWER_BYTES_MAX:
                    raise self._unreachable(f"its answer is longer than {ANSWER_BYTES_MAX} bytes")
                parts.append(part)
            return Answer(response.status_code, response.headers.get("content-type", ""), b"".join(parts))

    def _unreachable(self, cause: str) -> UnreachableError:
        self.unknown_since = self.unknown_since or datetime.now(UTC)
        return UnreachableError(self.name, self.unknown_since, cause)


@asynccontextmanager
async def open_service(name: str, url: str, token: str, seconds_max: float) -> AsyncIterator[OtherService]:
    """Connections to one service, closed at the end. It need not be up."""
    async with httpx.AsyncClient(
        base_url=url,
        headers={"Authorization": f"Bearer {token}"},
        timeout=httpx.Timeout(seconds_max),
        limits=httpx.Limits(max_connections=CONNECTIONS_MAX),
        # A proxy of the environment is for the world outside, not for our own services.
        trust_env=False,
    ) as client:
        yield OtherService(name, client, seconds_max)
