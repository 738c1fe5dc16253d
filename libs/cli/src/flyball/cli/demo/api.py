"""The console's API, as every client sees it."""

from dataclasses import dataclass
from typing import Any

import httpx


class StoryError(Exception):
    """Something that the demo shows did not happen, or not in time; says what."""


@dataclass(frozen=True, slots=True)
class Api:
    client: httpx.AsyncClient

    async def items(self, path: str, **query: str) -> list[dict[str, Any]]:
        """The first page of a list."""
        found: list[dict[str, Any]] = (await self.get(path, **query))["items"]
        return found

    async def get(self, path: str, **query: str) -> dict[str, Any]:
        return _answered(await self.client.get(path, params=query))

    async def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return _answered(await self.client.post(path, json=body))

    async def put(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return _answered(await self.client.put(path, json=body))

    async def totals(self) -> dict[str, dict[str, int]]:
        return {item["system"]: item for item in await self.items("/v1/totals")}

    async def budget(self, system: str, dimension: str) -> dict[str, Any] | None:
        """None while there is none."""
        statements = [item for item in await self.items("/v1/budgets") if item["system"] == system]
        budgets = statements[0]["budgets"] if statements else []
        return next((budget for budget in budgets if budget["dimension"] == dimension), None)


def _answered(answer: httpx.Response) -> dict[str, Any]:
    if answer.is_error:
        raise StoryError(f"{answer.request.method} {answer.request.url.path}: {answer.status_code} {answer.text[:500]}")
    body: dict[str, Any] = answer.json()
    return body
