"""The notifier with its real Postgres, clients and channels, on a clock that the test moves."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from importlib.resources import files
from random import Random
from typing import Any
from uuid import uuid4

from notifier_builders import START

from flyball.observe.metrics import Metrics
from flyball.store.postgres import PostgresDatabase, PostgresTransaction, open_postgres
from notifier import app
from notifier.adapters import reading
from notifier.deliverer import Deliverer
from notifier.domain.board import Board, Incident
from notifier.domain.inputs import AlertSeen, Input
from notifier.service import Notifier
from notifier.settings import Settings
from notifier.ticker import Ticker

TOKEN = "token-of-the-tests-on-loopback"


@dataclass(slots=True)
class Clock:
    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def to(self, seconds: float) -> None:
        self.now = START + timedelta(seconds=seconds)


@dataclass(slots=True)
class World:
    """One process of the notifier, without Kafka."""

    settings: Settings
    database: PostgresDatabase
    notifier: Notifier[PostgresTransaction]
    ticker: Ticker[PostgresTransaction]
    deliverer: Deliverer[PostgresTransaction]
    clock: Clock
    given: list[Input] = field(default_factory=list)

    async def take(self, *inputs: Input) -> None:
        """As one batch."""
        tenant = inputs[0].alert.tenant if isinstance(inputs[0], AlertSeen) else "default"
        async with self.database.transaction() as transaction:
            await self.notifier.decide(transaction, tenant, inputs)

    async def tick(self, at: float) -> None:
        self.clock.to(at)
        await self.ticker.tick()

    async def deliver(self, rounds: int = 10) -> int:
        """Send what can be sent now; how many attempts that was."""
        attempts = 0
        for _ in range(rounds):
            claimed = await self.deliverer.claim(8)
            for each, notice in claimed:
                await self.deliverer.deliver(each, notice)
            attempts += len(claimed)
            if not claimed:
                break
        return attempts

    async def incidents(self) -> list[Incident]:
        return await reading.read_incidents(self.database, "default", open_only=False, before=None, rows_max=100)

    async def board(self) -> Board:
        async with self.database.transaction() as transaction:
            return await self.notifier.boards(transaction).load("default", [])

    async def states(self) -> list[tuple[str, str, str]]:
        found = await reading.read_deliveries(self.database, "default", None, None, 1_000)
        return [(each.key.channel, each.key.action, each.state) for each in found]


def settings_of(dsn: str, **more: str) -> Settings:
    given = {"FLYBALL_POSTGRES": dsn, "FLYBALL_KAFKA": "127.0.0.1:1", "FLYBALL_SERVICE_TOKEN": TOKEN}
    return Settings.from_environment({**given, **{f"FLYBALL_{name.upper()}": value for name, value in more.items()}})


@asynccontextmanager
async def world(dsn: str, schema: str | None = None, **more: Any) -> AsyncIterator[World]:
    settings, clock = settings_of(dsn, **more), Clock()
    metrics = Metrics("notifier")
    async with AsyncExitStack() as stack:
        migrations = [files("notifier").joinpath("migrations")]
        name = schema or f"notifier_{uuid4().hex[:8]}"
        database = await stack.enter_async_context(open_postgres(settings, name, migrations))
        channels = await stack.enter_async_context(app.open_channels(settings))
        notifier = app.service(settings, metrics)
        deliverer = app.deliverer(settings, notifier, database, channels, metrics)
        deliverer.clock, deliverer.random = clock, Random(1)
        ticker = Ticker(
            notifier,
            database,
            partial(reading.due_tenants, database),
            partial(reading.due_reminders, database),
            lambda: True,
            0.05,
            clock,
        )
        yield World(settings, database, notifier, ticker, deliverer, clock)
