"""The replicas of a service as a client sees them: any of them may die while it answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from random import Random
from typing import Any

import httpx

from tests.chaos.fleet import TOKEN, Fleet

ANSWER_SECONDS = 10.0
PAGES_MAX = 100


@dataclass(frozen=True, slots=True)
class Desk:
    """Asks a replica drawn by chance."""

    fleet: Fleet
    service: str
    random: Random
    client: httpx.AsyncClient

    async def ask(self, method: str, path: str, **more: Any) -> httpx.Response | None:
        """None when no answer came, or one that leaves in doubt what was done."""
        replica = self.random.choice(self.fleet.of_service(self.service))
        headers = {"authorization": f"Bearer {TOKEN}"}
        try:
            answer = await self.client.request(method, replica.process.url + path, headers=headers, **more)
        except httpx.HTTPError:
            return None
        return answer if answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR else None

    async def pages(self, path: str, query: Mapping[str, str]) -> list[dict[str, Any]] | None:
        """All items of all pages; None when a page did not come."""
        items: list[dict[str, Any]] = []
        after = ""
        for _ in range(PAGES_MAX):
            answer = await self.ask("GET", path, params={**query, "after": after})
            if answer is None:
                return None
            answer.raise_for_status()
            page = answer.json()
            items += page["items"]
            if page["next"] is None:
                return items
            after = page["next"]
        raise AssertionError(f"{path} has over {PAGES_MAX} pages")


def open_client() -> httpx.AsyncClient:
    return httpx.AsyncClient(timeout=ANSWER_SECONDS)
