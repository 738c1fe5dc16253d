"""The composition root."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.resources import files

from flyball.bus.runtime import Runtime
from flyball.observe.metrics import Metrics
from flyball.store.postgres import PostgresDatabase, PostgresTransaction, open_postgres
from telemetry_ingest.adapters.feeds import FeedMemory, PostgresFeeds
from telemetry_ingest.adapters.joins import open_joins
from telemetry_ingest.adapters.postgres import PostgresTotals
from telemetry_ingest.adapters.price_list import VERSION, list_price
from telemetry_ingest.adapters.redis import open_sightings
from telemetry_ingest.adapters.references import PostgresReferences, Yardsticks
from telemetry_ingest.api import routes
from telemetry_ingest.desk import Desk
from telemetry_ingest.feeds_api import feed_routes
from telemetry_ingest.service import NAME, TelemetryIngest, wiring
from telemetry_ingest.settings import Settings

SCHEMA = "telemetry_ingest"


async def serve(environment: Mapping[str, str]) -> None:
    """Run until cancelled."""
    settings = Settings.from_environment(environment)
    metrics = Metrics(NAME)
    metrics.price_list.labels(VERSION).set(1)
    memory = FeedMemory(list_price)
    async with open_service(settings, metrics, memory) as (database, service):
        token = settings.service_token.get_secret_value()
        desk = Desk(database, partial(PostgresFeeds, memory=memory), lambda: datetime.now(UTC))
        runtime = Runtime(
            wiring(service, settings.ingest_batch_records_max),
            settings,
            settings,
            database,
            metrics,
            [*routes(database, token), *feed_routes(database, desk, token)],
        )
        await runtime.run()


@asynccontextmanager
async def open_service(
    settings: Settings, metrics: Metrics, memory: FeedMemory
) -> AsyncIterator[tuple[PostgresDatabase, TelemetryIngest[PostgresTransaction]]]:
    """The service on its stores, without anything that feeds it."""
    async with (
        open_postgres(settings, SCHEMA, [files("telemetry_ingest").joinpath("migrations")]) as database,
        open_sightings(
            settings,
            database,
            horizon=timedelta(hours=settings.duplicate_horizon_hours),
            lag_margin=timedelta(hours=settings.duplicate_lag_margin_hours),
            accept_lost_ids=settings.accept_lost_ids,
        ) as sightings,
        open_joins(settings, database, settings.join_limits()) as joins,
    ):
        references = partial(PostgresReferences, yardsticks=Yardsticks())
        service = TelemetryIngest(
            settings.limits(),
            sightings,
            PostgresTotals,
            references,
            joins,
            partial(PostgresFeeds, memory=memory),
            metrics,
            settings.refuses_undeclared,
        )
        yield database, service
