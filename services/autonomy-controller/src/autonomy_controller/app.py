"""The composition root."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from importlib.resources import files

from autonomy_controller.adapters.announcing import AnnouncingDatabase, AnnouncingTransaction, WakingDatabase
from autonomy_controller.adapters.postgres import PostgresMemory
from autonomy_controller.api import routes
from autonomy_controller.commands import Commands
from autonomy_controller.domain.sampling import Salt
from autonomy_controller.domain.state import Action
from autonomy_controller.promoting import Promotions
from autonomy_controller.replies import ReplyDesk
from autonomy_controller.service import NAME, AutonomyController, wiring
from autonomy_controller.settings import Settings
from autonomy_controller.ticking import Ticker
from flyball.bus.partitions import keys_for_all_partitions
from flyball.bus.replies import open_reply_sender
from flyball.bus.runtime import Runtime
from flyball.observe.metrics import Metrics
from flyball.schemas.autonomy import ActionRequested
from flyball.schemas.topics import AUTONOMY_LEVELS
from flyball.store.postgres import PostgresDatabase, open_postgres

SCHEMA = "autonomy_controller"
HEARTBEAT = "heartbeat"


async def serve(environment: Mapping[str, str]) -> None:
    """Run until cancelled."""
    settings = Settings.from_environment(environment)
    metrics = Metrics(NAME)
    migrations = [files("autonomy_controller").joinpath("migrations")]
    async with open_postgres(settings, SCHEMA, migrations) as database, open_reply_sender(settings, NAME) as sender:
        keys = keys_for_all_partitions(HEARTBEAT, AUTONOMY_LEVELS.partitions)
        memory = partial(PostgresMemory, known_salt=await _salt(database))
        waking = WakingDatabase(database, lambda: runtime.wake())  # noqa: PLW0108  it is made further down
        ticker = Ticker(waking, memory, keys, settings.tick_seconds, settings.heartbeat_seconds)
        commands, promotions = Commands(waking, memory), Promotions(waking, memory)
        desk = ReplyDesk(sender)
        runtime = Runtime(
            wiring(AutonomyController(memory, metrics, partial(_answer, desk))),
            settings,
            settings,
            AnnouncingDatabase(database),
            metrics,
            routes(commands, promotions, database, settings, _now),
            background=(ticker.run,),
        )
        await runtime.run()


async def _salt(database: PostgresDatabase) -> Salt:
    """In a transaction of its own: one that is rolled back must not leave a salt behind that nobody has stored."""
    async with database.transaction() as transaction:
        return await PostgresMemory(transaction).salt()


def _answer(
    desk: ReplyDesk,
    transaction: AnnouncingTransaction,
    requests: Sequence[ActionRequested],
    stored: Mapping[str, Action],
) -> None:
    transaction.after_commit(lambda: desk.answer(requests, stored))


def _now() -> datetime:
    return datetime.now(UTC)
