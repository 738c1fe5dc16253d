"""The composition root."""

from collections.abc import Mapping
from importlib.resources import files

from budget_ledger.adapters.postgres import PostgresLedger
from budget_ledger.api import routes
from budget_ledger.service import NAME, BudgetLedger, wiring
from budget_ledger.settings import Settings
from flyball.bus.runtime import Runtime
from flyball.observe.metrics import Metrics
from flyball.store.postgres import open_postgres

SCHEMA = "budget_ledger"


async def serve(environment: Mapping[str, str]) -> None:
    """Run until cancelled."""
    settings = Settings.from_environment(environment)
    metrics = Metrics(NAME)
    async with open_postgres(settings, SCHEMA, [files("budget_ledger").joinpath("migrations")]) as database:
        service = BudgetLedger(PostgresLedger, metrics)
        runtime = Runtime(
            wiring(service),
            settings,
            settings,
            database,
            metrics,
            routes(database, settings.service_token.get_secret_value()),
        )
        await runtime.run()
