"""The composition root."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from importlib.resources import files
from typing import Any

import httpx

from flyball.bus.runtime import Runtime
from flyball.observe.health import Health
from flyball.observe.metrics import Metrics
from flyball.schemas.topics import ALERTS
from flyball.store.errors import Transient
from flyball.store.postgres import PostgresDatabase, PostgresTransaction, open_postgres
from notifier.adapters.alertmanager import Alertmanager
from notifier.adapters.changes import PostgresChanges
from notifier.adapters.intents import PostgresIntents
from notifier.adapters.pagerduty import PagerDuty
from notifier.adapters.policy_file import load_policy
from notifier.adapters.postgres import PostgresBoards
from notifier.adapters.pruning import prune
from notifier.adapters.reading import due_reminders, due_tenants, stuck_since
from notifier.adapters.slack import Slack
from notifier.api import routes
from notifier.deliverer import AT_ONCE_MAX, Deliverer
from notifier.domain.board import OVER
from notifier.domain.policy import ALERTMANAGER, PAGERDUTY, SLACK
from notifier.heartbeat import Heartbeat
from notifier.ports import Channel
from notifier.pruner import Pruner
from notifier.service import NAME, Notifier, wiring
from notifier.settings import Settings
from notifier.ticker import Ticker, utc_now

logger = logging.getLogger(__name__)
MIGRATIONS = files("notifier").joinpath("migrations")


async def serve(environment: Mapping[str, str]) -> None:
    """Run until cancelled."""
    settings = Settings.from_environment(environment)
    metrics = Metrics(NAME)
    async with (
        open_postgres(settings, NAME, [MIGRATIONS]) as database,
        open_channels(settings) as channels,
    ):
        notifier = service(settings, metrics)
        token = settings.service_token.get_secret_value()
        runtime = Runtime(wiring(notifier), settings, settings, database, metrics, routes(notifier, database, token))
        caught_up = partial(_caught_up, metrics)
        ticker = Ticker(
            notifier,
            database,
            partial(due_tenants, database),
            partial(due_reminders, database),
            caught_up,
            settings.notifier_tick_seconds,
        )
        sender = deliverer(settings, notifier, database, channels, metrics)
        pruner = Pruner(partial(prune, database, sorted(OVER)), timedelta(days=settings.notifier_keep_days))
        parts = [runtime.run, ticker.run, sender.run, pruner.run]
        async with heartbeat(settings, runtime.health, database) as beats:
            await _together([*parts, beats.run] if beats else parts)


def service(settings: Settings, metrics: Metrics) -> Notifier[PostgresTransaction]:
    """The shell on Postgres. Raises ``PolicyError`` for a policy that cannot be used."""
    policy = load_policy(settings.notifier_policy, settings.contacts())
    if not any(route.steps for route in policy.routes):
        logger.warning("nobody will be told: set FLYBALL_PAGERDUTY_ROUTING_KEY or FLYBALL_SLACK_WEBHOOK_URL")
    return Notifier(partial(PostgresBoards, policy=policy), PostgresChanges, policy, metrics)


def deliverer(
    settings: Settings,
    notifier: Notifier[PostgresTransaction],
    database: PostgresDatabase,
    channels: Mapping[str, Channel],
    metrics: Metrics,
) -> Deliverer[PostgresTransaction]:
    addresses = {contact: address.get_secret_value() for contact, address in settings.contacts().items()}
    intents = partial(PostgresIntents, sends_per_minute_max=notifier.policy.sends_per_minute_max)
    return Deliverer(
        notifier,
        database,
        intents,
        channels,
        addresses,
        partial(_caught_up, metrics),
        settings.notifier_tick_seconds,
    )


@asynccontextmanager
async def open_channels(settings: Settings) -> AsyncIterator[Mapping[str, Channel]]:
    """The clients of all channels. Threads that still wait for a provider at the end are left to their time-out."""
    executor = ThreadPoolExecutor(2 * AT_ONCE_MAX, thread_name_prefix="notifier-channel")
    async with httpx.AsyncClient() as client:
        try:
            yield {
                PAGERDUTY: PagerDuty(settings.pagerduty_url, executor),
                SLACK: Slack(executor),
                ALERTMANAGER: Alertmanager(client),
            }
        finally:
            executor.shutdown(wait=False, cancel_futures=True)


@asynccontextmanager
async def heartbeat(settings: Settings, health: Health, database: PostgresDatabase) -> AsyncIterator[Heartbeat | None]:
    """None where there is no checker to tell."""
    if settings.notifier_heartbeat_url is None:
        yield None
        return
    late = timedelta(seconds=settings.notifier_late_seconds)

    async def stands_in_the_way() -> str | None:
        waiting = [*health.stalled(), *health.waiting_for()]
        if waiting:
            return waiting[0]
        try:
            since = await stuck_since(database)
        except Transient as error:
            return f"Postgres is away: {error}"
        stuck = since is not None and utc_now() - since > late
        return f"something should have been told since {since:%Y-%m-%dT%H:%M:%SZ}" if stuck else None

    async with httpx.AsyncClient() as client:
        url = settings.notifier_heartbeat_url.get_secret_value()
        yield Heartbeat(client, url, settings.notifier_heartbeat_seconds, stands_in_the_way)


async def _together(parts: Sequence[Callable[[], Coroutine[Any, Any, None]]]) -> None:
    """When one part fails, all end, with its error."""
    try:
        async with asyncio.TaskGroup() as group:
            for part in parts:
                group.create_task(part())
    except BaseExceptionGroup as failures:
        raise _first(failures) from failures


def _first(failure: BaseException) -> BaseException:
    """What failed, without the groups around it: the entry point tells one kind of error from another."""
    return _first(failure.exceptions[0]) if isinstance(failure, BaseExceptionGroup) else failure


def _caught_up(metrics: Metrics) -> bool:
    """Has everything that waits in Kafka been decided upon, as far as is known?"""
    samples = [sample for family in metrics.lag.collect() for sample in family.samples]
    return not any(sample.value for sample in samples if sample.labels.get("topic") == ALERTS.name)
