"""The composition root."""

from collections.abc import Mapping
from importlib.resources import files

from flyball.bus.runtime import Runtime
from flyball.observe.metrics import Metrics
from flyball.store.postgres import open_postgres
from rollback_executor.adapters.postgres import PostgresRollouts
from rollback_executor.api import routes
from rollback_executor.service import NAME, RollbackExecutor, wiring
from rollback_executor.settings import Settings

SCHEMA = "rollback_executor"


async def serve(environment: Mapping[str, str]) -> None:
    """Run until cancelled."""
    settings = Settings.from_environment(environment)
    metrics = Metrics(NAME)
    async with open_postgres(settings, SCHEMA, [files("rollback_executor").joinpath("migrations")]) as database:
        runtime = Runtime(
            wiring(RollbackExecutor(PostgresRollouts, metrics)),
            settings,
            settings,
            database,
            metrics,
            routes(database, settings.service_token.get_secret_value()),
        )
        await runtime.run()
