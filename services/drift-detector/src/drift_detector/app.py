"""The composition root."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from importlib.resources import files

from drift_detector.adapters.postgres import Plans, PostgresSystems
from drift_detector.api import routes
from drift_detector.desk import Desk
from drift_detector.service import NAME, DriftDetector, wiring
from drift_detector.settings import Settings
from flyball.bus.runtime import Runtime
from flyball.observe.metrics import Metrics
from flyball.store.postgres import open_postgres

SCHEMA = "drift_detector"


async def serve(environment: Mapping[str, str]) -> None:
    """Run until cancelled."""
    settings = Settings.from_environment(environment)
    metrics = Metrics(NAME)
    plans = Plans()
    systems = partial(PostgresSystems, plans=plans)
    async with open_postgres(settings, SCHEMA, [files("drift_detector").joinpath("migrations")]) as database:
        desk = Desk(database, systems, lambda: datetime.now(UTC))
        runtime = Runtime(
            wiring(DriftDetector(systems, metrics)),
            settings,
            settings,
            database,
            metrics,
            routes(database, desk, plans, settings.service_token.get_secret_value()),
        )
        await runtime.run()
