"""The composition root."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.resources import files

from flyball.bus.producer import open_publisher
from flyball.bus.runtime import Runtime
from flyball.observe.metrics import Metrics
from flyball.store.postgres import PostgresDatabase, PostgresTransaction, open_postgres
from telemetry_ingest.adapters.feeds import FeedMemory, PostgresFeeds
from telemetry_ingest.adapters.joins import open_joins
from telemetry_ingest.adapters.otlp import OtlpReader
from telemetry_ingest.adapters.postgres import PostgresTotals
from telemetry_ingest.adapters.price_list import VERSION, list_price
from telemetry_ingest.adapters.redis import open_sightings
from telemetry_ingest.adapters.references import PostgresReferences, Yardsticks
from telemetry_ingest.adapters.traces import PostgresTraces, overdue_homes
from telemetry_ingest.api import routes
from telemetry_ingest.desk import Desk
from telemetry_ingest.feeds_api import feed_routes
from telemetry_ingest.otlp import SAYS, OtlpIngest, subscriptions
from telemetry_ingest.otlp_http import Gateway, for_agents
from telemetry_ingest.otlp_ports import Reader
from telemetry_ingest.service import NAME, TelemetryIngest, wiring
from telemetry_ingest.settings import Settings
from telemetry_ingest.ticking import Ticker

SCHEMA = "telemetry_ingest"


async def serve(environment: Mapping[str, str]) -> None:
    """Run until cancelled."""
    settings = Settings.from_environment(environment)
    metrics = Metrics(NAME)
    metrics.price_list.labels(VERSION).set(1)
    memory = FeedMemory(list_price)
    async with (
        open_service(settings, metrics, memory) as (database, service),
        open_publisher(settings, NAME) as publisher,
    ):
        token = settings.service_token.get_secret_value()
        desk = Desk(database, partial(PostgresFeeds, memory=memory), lambda: datetime.now(UTC))
        reader = OtlpReader(settings.otlp_limits())
        otlp = subscriptions(otlp_ingest(settings, reader, memory, metrics), settings.otlp_batch_messages_max)
        gateway = Gateway(publisher, settings.gateway_limits(), reader)
        ticker = Ticker(publisher, partial(overdue_homes, database), settings.otlp_tick_seconds)
        runtime = Runtime(
            wiring(service, settings.ingest_batch_records_max, otlp, SAYS),
            settings,
            settings,
            database,
            metrics,
            [
                *routes(database, token),
                *feed_routes(database, desk, token),
                *gateway.routes(for_agents(token, settings.agents, is_open=settings.otlp_http_without_token)),
            ],
            background=(ticker.run,),
        )
        await runtime.run()


def otlp_ingest(
    settings: Settings, reader: Reader, memory: FeedMemory, metrics: Metrics
) -> OtlpIngest[PostgresTransaction]:
    """Traces on Postgres, beside the feeds of their systems."""
    return OtlpIngest(
        reader,
        settings.otlp_encoding,
        PostgresTraces,
        partial(PostgresFeeds, memory=memory),
        settings.trace_limits(),
        settings.otlp_waiting_traces_max,
        metrics,
    )


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
