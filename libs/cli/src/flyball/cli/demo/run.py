"""Starts the embedded stack, tells the story, shows the budgets fall, and recounts."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
from rich.console import Console
from rich.live import Live

from flyball.bus.producer import KafkaPublisher, open_publisher
from flyball.bus.settings import KafkaSettings
from flyball.cli.demo.show import VERDICTS, budgets_line, budgets_table, recount_table
from flyball.cli.demo.story import QUARTER, Quarter, Sent, day
from flyball.cli.local_stack import running
from flyball.schemas.topics import AGENT_EVENTS
from flyball.store.ports import Outgoing

LINE_EVERY_QUARTERS = 8
SETTLE_SECONDS_MAX = 60.0
POLL_SECONDS = 0.1
TOTAL_OF = {"counted": "counted", "duplicate": "duplicates", "rejected": "rejected"}
NOTE = "billing-agent ships release 2.1.0 at two in the afternoon of this day; it is wrong one time in six"


@dataclass(slots=True)
class Recount:
    """What was sent, counted beside the system that is being shown."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)

    def add(self, sent: Sequence[Sent]) -> None:
        for record in sent:
            self.counts.setdefault(record.system, Counter())[TOTAL_OF[record.verdict]] += 1

    @property
    def published(self) -> int:
        return sum(counts.total() for counts in self.counts.values())

    def equals(self, totals: Mapping[str, Mapping[str, int]]) -> bool:
        """Exact, system by system."""
        return totals.keys() == self.counts.keys() and all(
            totals[system][verdict] == counts[verdict] for system, counts in self.counts.items() for verdict in VERDICTS
        )


@dataclass(frozen=True, slots=True)
class Api:
    """The console's API, as every client sees it."""

    client: httpx.AsyncClient

    async def budgets(self) -> list[dict[str, Any]]:
        return list((await self._get("/v1/budgets"))["items"])

    async def totals(self) -> dict[str, dict[str, int]]:
        return {item["system"]: item for item in (await self._get("/v1/totals"))["items"]}

    async def _get(self, path: str) -> dict[str, Any]:
        answer = await self.client.get(path)
        answer.raise_for_status()
        body: dict[str, Any] = answer.json()
        return body


# The story's day is over already: its events are not late, they are replayed.
SETTINGS = {"FLYBALL_EVENT_LATE_AFTER_SECONDS": str(int(timedelta(days=1).total_seconds()))}


async def run_demo(seed: int, pace_seconds: float, console: Console) -> int:
    """Returns the exit code: 0 when every total equals the recount."""
    console.print("starting a broker, Postgres, Redis and all services in this process ...")
    with TemporaryDirectory(prefix="flyball-demo-") as folder:
        async with (
            running(directory=Path(folder), settings=SETTINGS) as stack,
            httpx.AsyncClient(base_url=stack.url, headers={"Authorization": f"Bearer {stack.token}"}) as client,
            open_publisher(KafkaSettings.from_environment(stack.environment), "demo") as publisher,
        ):
            return await _tell(Api(client), publisher, seed, pace_seconds, console)


async def _tell(api: Api, publisher: KafkaPublisher, seed: int, pace_seconds: float, console: Console) -> int:
    recount = Recount()
    ends_at = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    with Live(console=console, refresh_per_second=8, transient=False) as live:
        for number, quarter in enumerate(day(ends_at, seed)):
            await _publish(publisher, quarter)
            recount.add(quarter.sent)
            await _draw(api, quarter.starts_at + QUARTER, number, recount, live.update, console)
            await asyncio.sleep(pace_seconds)
        totals = await _settled(api, recount)
        await _draw(api, ends_at, 0, recount, live.update, console)
    console.print(recount_table(recount.counts, totals))
    exact = recount.equals(totals)
    console.print("every event counted exactly once" if exact else "[bold red]the totals differ from the recount")
    return 0 if exact else 1


async def _draw(
    api: Api, clock: datetime, number: int, recount: Recount, draw: Callable[..., None], console: Console
) -> None:
    items = await api.budgets()
    if console.is_terminal:
        draw(budgets_table(clock, items, recount.published, NOTE))
    elif number % LINE_EVERY_QUARTERS == 0:
        console.print(budgets_line(clock, items))


async def _publish(publisher: KafkaPublisher, quarter: Quarter) -> None:
    await publisher.publish(
        [Outgoing(AGENT_EVENTS.name, record.system.encode(), (), record.body) for record in quarter.sent]
    )


async def _settled(api: Api, recount: Recount) -> dict[str, dict[str, int]]:
    """The totals once everything that was published is in them, or as they are when the time is up."""
    deadline = asyncio.get_running_loop().time() + SETTLE_SECONDS_MAX
    while True:
        totals = await api.totals()
        published = sum(item["published"] for item in totals.values())
        if published >= recount.published or asyncio.get_running_loop().time() > deadline:
            return totals
        await asyncio.sleep(POLL_SECONDS)
