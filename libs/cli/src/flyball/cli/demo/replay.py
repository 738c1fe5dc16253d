"""A second ledger reads every summary from the beginning into an empty database; it must come to the same chains."""

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx

from flyball.stack import embedded_services
from flyball.store.databases import create_database

LEDGER = "budget-ledger"
TOKEN = "token-of-the-replay-on-loopback"  # noqa: S105  of a service that lives for seconds, on loopback
SECONDS_MAX = 300.0
POLL_SECONDS = 0.2
Chains = dict[tuple[str, str], Any]
"""By system and dimension: the last entry with its hash, which stands for all before it."""


def chains(items: list[dict[str, Any]]) -> Chains:
    return {(item["system"], budget["dimension"]): budget["entry"] for item in items for budget in item["budgets"]}


async def replayed(environment: Mapping[str, str], expected: Chains) -> bool:
    """Whether the replay gives the same ledger, entry by entry."""
    dsn = await create_database(environment["FLYBALL_POSTGRES"], "flyball_replay")
    settings = {
        **environment,
        "FLYBALL_POSTGRES": dsn,
        "FLYBALL_SERVICE_TOKEN": TOKEN,
        "FLYBALL_KAFKA_GROUP_PREFIX": "replay.",
    }
    headers = {"authorization": f"Bearer {TOKEN}"}
    async with (
        embedded_services(settings, [LEDGER]) as urls,
        httpx.AsyncClient(base_url=urls[LEDGER], headers=headers) as client,
    ):
        return await _comes_to(client, expected)


async def _comes_to(client: httpx.AsyncClient, expected: Chains) -> bool:
    clock = asyncio.get_running_loop().time
    deadline = clock() + SECONDS_MAX
    while True:
        answer = await client.get("/v1/budgets")
        answer.raise_for_status()
        if chains(answer.json()["items"]) == expected:
            return True
        if clock() > deadline:
            return False
        await asyncio.sleep(POLL_SECONDS)
