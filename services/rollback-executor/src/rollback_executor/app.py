"""The composition root."""

from collections.abc import Mapping
from datetime import timedelta
from importlib.resources import files

from flyball.bus.runtime import Runtime
from flyball.observe.metrics import Metrics
from flyball.store.postgres import PostgresDatabase, PostgresTransaction, open_postgres
from rollback_executor.adapters.postgres import PostgresRollouts
from rollback_executor.adapters.queue import PostgresQueue
from rollback_executor.adapters.targets import Adapters, open_adapters
from rollback_executor.api import routes
from rollback_executor.desk import Desk
from rollback_executor.messages import NAME
from rollback_executor.service import RollbackExecutor, wiring
from rollback_executor.settings import Settings
from rollback_executor.worker import Worker, utc_now

SCHEMA = "rollback_executor"
Service = RollbackExecutor[PostgresTransaction]


async def serve(environment: Mapping[str, str]) -> None:
    """Run until cancelled."""
    settings = Settings.from_environment(environment)
    metrics = Metrics(NAME)
    service: Service = RollbackExecutor(PostgresRollouts, metrics)
    async with (
        open_postgres(settings, SCHEMA, [files("rollback_executor").joinpath("migrations")]) as database,
        open_adapters(settings) as adapters,
    ):
        desk = Desk(database, PostgresRollouts, service, adapters, utc_now)
        worker = _worker(settings, database, service, adapters)
        runtime = Runtime(
            wiring(service),
            settings,
            settings,
            database,
            metrics,
            routes(database, desk, settings.service_token.get_secret_value()),
            background=[worker.tick_forever, worker.order_forever, worker.observe_forever],
        )
        await runtime.run()


def _worker(
    settings: Settings, database: PostgresDatabase, service: Service, adapters: Adapters
) -> Worker[PostgresTransaction]:
    # A second try must not overtake a first that the target may still be answering.
    pause = timedelta(seconds=2 * settings.rollout_target_timeout_seconds)
    return Worker(
        database,
        PostgresRollouts,
        PostgresQueue(database, pause),
        service,
        adapters,
        settings.rollout_tick_seconds,
        settings.rollout_observe_seconds,
    )
