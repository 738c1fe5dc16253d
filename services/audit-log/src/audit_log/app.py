"""The composition root."""

from collections.abc import Mapping
from functools import partial
from importlib.resources import files

from audit_log.adapters.files import CheckpointFile
from audit_log.adapters.postgres import PostgresChains, read_heads
from audit_log.adapters.signing import load_signer
from audit_log.api import routes
from audit_log.checkpointer import Checkpointer
from audit_log.service import NAME, AuditLog, wiring
from audit_log.settings import Settings
from flyball.bus.runtime import Runtime
from flyball.observe.metrics import Metrics
from flyball.store.postgres import open_postgres

SCHEMA = "audit_log"


async def serve(environment: Mapping[str, str]) -> None:
    """Run until cancelled."""
    settings = Settings.from_environment(environment)
    metrics = Metrics(NAME)
    signer, checkpoints = load_signer(settings.audit_key_file), CheckpointFile(settings.audit_checkpoint_file)
    async with open_postgres(settings, SCHEMA, [files("audit_log").joinpath("migrations")]) as database:
        runtime = Runtime(
            wiring(AuditLog(PostgresChains, metrics)),
            settings,
            settings,
            database,
            metrics,
            routes(database, signer, checkpoints, settings.service_token.get_secret_value()),
            background=[
                Checkpointer(partial(read_heads, database), signer, checkpoints, settings.audit_checkpoint_seconds).run
            ],
        )
        await runtime.run()
