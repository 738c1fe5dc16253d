"""Starts the embedded stack, tells the story, and proves at the end that nothing was lost and nothing invented."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
from rich.console import Console

from flyball.bus.producer import open_publisher
from flyball.bus.settings import KafkaSettings
from flyball.cli.checks import findings
from flyball.cli.demo.api import Api, StoryError
from flyball.cli.demo.chapters import Stage, declare, tell
from flyball.cli.demo.narrator import Narrator
from flyball.cli.demo.providers import Providers, providers
from flyball.cli.demo.replay import chains, replayed
from flyball.cli.demo.show import Teller, recount_table
from flyball.cli.demo.story import Story
from flyball.cli.demo.traffic import Traffic
from flyball.cli.local_stack import Running, running
from flyball.store.redis import open_redis
from flyball.store.settings import StoreSettings

SETTLE_SECONDS_MAX = 180.0
POLL_SECONDS = 0.2
PAGING = """
wait_seconds: 1
interval_seconds: 5
routes:
  - name: default
    steps:
      - {target: on-call, channels: [pagerduty], severity_max: 1}
      - {target: room, channels: [slack]}
"""


async def run_demo(seed: int, console: Console, *, keep: bool) -> int:
    """Returns the exit code: 0 when everything was seen and every total equals the recount."""
    teller = Teller(console)
    console.print("starting a broker, Postgres, Redis and all services in this process ...")
    with TemporaryDirectory(prefix="flyball-demo-") as folder:
        async with (
            providers(teller.say) as told,
            _stack(Path(folder), told) as stack,
            _stage(stack, seed, teller) as stage,
        ):
            teller.doctor(await findings(stack.environment, stack.url))
            teller.say("console", f"{stack.url}  token {stack.token}")
            code = await _play(stage, stack, teller)
            if keep:
                console.print(f"\nstaying up: sign in at {stack.url} with the token {stack.token}; Ctrl-C ends it")
                await asyncio.Event().wait()
            return code


@asynccontextmanager
async def _stack(folder: Path, told: Providers) -> AsyncIterator[Running]:
    policy = folder / "paging.yaml"
    policy.write_text(PAGING)
    settings = {
        # A spec takes effect so long after it was applied, and time is short here.
        "FLYBALL_SPEC_NOTICE_SECONDS": "10",
        "FLYBALL_ROLLOUT_TICK_SECONDS": "1",
        "FLYBALL_ROLLOUT_OBSERVE_SECONDS": "1",
        "FLYBALL_NOTIFIER_POLICY": str(policy),
        "FLYBALL_NOTIFIER_TICK_SECONDS": "0.5",
        "FLYBALL_PAGERDUTY_ROUTING_KEY": "R" * 32,
        "FLYBALL_PAGERDUTY_URL": told.url,
        "FLYBALL_SLACK_WEBHOOK_URL": f"{told.url}/slack",
    }
    async with running(directory=folder, settings=settings) as stack:
        yield stack


@asynccontextmanager
async def _stage(stack: Running, seed: int, teller: Teller) -> AsyncIterator[Stage]:
    async with (
        _client(stack.url, stack.token) as people,
        _client(stack.url, stack.agent_token) as agents,
        open_publisher(KafkaSettings.from_environment(stack.environment), "demo") as publisher,
        open_redis(StoreSettings.from_environment(stack.environment)) as redis,
    ):
        api = Api(people)
        traffic = Traffic(Story(seed), publisher, agents, redis, api.totals)
        yield Stage(api, Api(agents), traffic, Narrator(api, teller), teller)


def _client(url: str, token: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30)


async def _play(stage: Stage, stack: Running, teller: Teller) -> int:
    await declare(stage)
    async with asyncio.TaskGroup() as group:
        traffic, narrator = group.create_task(stage.traffic.run()), group.create_task(stage.narrator.run())
        try:
            await tell(stage)
            failure = None
        except StoryError as error:
            failure = str(error)
        stage.traffic.ended = True
        await traffic
        narrator.cancel()
    proven = await prove(stage, stack, teller)
    if failure is not None:
        teller.console.print(f"[bold red]{failure}")
    return 0 if proven and failure is None else 1


async def prove(stage: Stage, stack: Running, teller: Teller) -> bool:
    """The three claims, each checked from outside: exact counts, an unbroken record, a ledger that replays."""
    teller.chapter("Proof", "What was sent was counted by the demo itself, beside the system.")
    totals = await _settled(stage)
    recount = stage.traffic.recount
    teller.console.print(recount_table(recount.counts, totals))
    audit = await stage.api.get("/v1/audit/verification")
    return all(
        [
            teller.claim("every event counted exactly once", recount.equals(totals)),
            teller.claim(f"audit chain of {audit['links']} records verified", audit["intact"]),
            teller.claim(
                "replay gives the same ledger", await replayed(stack.environment, chains(await _still(stage)))
            ),
        ]
    )


async def _settled(stage: Stage) -> dict[str, dict[str, int]]:
    """The totals once everything that was published is in them, or as they are when the time is up."""
    deadline = asyncio.get_running_loop().time() + SETTLE_SECONDS_MAX
    while True:
        totals = await stage.api.totals()
        published = sum(item["published"] for item in totals.values())
        if published >= stage.traffic.recount.published or asyncio.get_running_loop().time() > deadline:
            return totals
        await asyncio.sleep(POLL_SECONDS)


async def _still(stage: Stage) -> list[dict[str, Any]]:
    """The budgets when they have stopped to change: summaries come a moment after the events that they count."""
    before: list[dict[str, Any]] = []
    deadline = asyncio.get_running_loop().time() + SETTLE_SECONDS_MAX
    while (now := await stage.api.items("/v1/budgets")) != before and asyncio.get_running_loop().time() < deadline:
        before = now
        await asyncio.sleep(1.0)
    return now
