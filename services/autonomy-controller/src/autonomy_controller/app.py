"""The composition root."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from importlib.resources import files

from autonomy_controller.adapters.postgres import PostgresMemory
from autonomy_controller.adapters.reading import read_decisions
from autonomy_controller.api import routes
from autonomy_controller.commands import Commands
from autonomy_controller.promoting import Promotions
from autonomy_controller.replies import ReplyDesk
from autonomy_controller.service import NAME, AutonomyController, wiring
from autonomy_controller.settings import Settings
from autonomy_controller.ticking import Ticker
from flyball.bus.partitions import keys_for_all_partitions
from flyball.bus.replies import open_reply_sender
from flyball.bus.runtime import Runtime
from flyball.observe.metrics import Metrics
from flyball.schemas.topics import AUTONOMY_LEVELS
from flyball.store.postgres import open_postgres

SCHEMA = "autonomy_controller"
HEARTBEAT = "heartbeat"


async def serve(environment: Mapping[str, str]) -> None:
    """Run until cancelled."""
    settings = Settings.from_environment(environment)
    metrics, desk = Metrics(NAME), ReplyDesk(settings.replies_waiting_max)
    migrations = [files("autonomy_controller").joinpath("migrations")]
    async with open_postgres(settings, SCHEMA, migrations) as database, open_reply_sender(settings, NAME) as sender:
        keys = keys_for_all_partitions(HEARTBEAT, AUTONOMY_LEVELS.partitions)
        ticker = Ticker(database, PostgresMemory, keys, settings.tick_seconds, settings.heartbeat_seconds)
        commands, promotions = Commands(database, PostgresMemory), Promotions(database, PostgresMemory)
        runtime = Runtime(
            wiring(AutonomyController(PostgresMemory, metrics, desk)),
            settings,
            settings,
            database,
            metrics,
            routes(commands, promotions, database, settings, _now),
            background=(ticker.run, lambda: desk.run(partial(read_decisions, database), sender)),
        )
        await runtime.run()


def _now() -> datetime:
    return datetime.now(UTC)
