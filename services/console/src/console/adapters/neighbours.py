"""The services that console asks, by name."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from console.adapters.services import OtherService, open_service
from console.settings import Settings

NAMES = (
    "telemetry-ingest",
    "drift-detector",
    "budget-ledger",
    "audit-log",
    "autonomy-controller",
    "notifier",
    "rollback-executor",
)


@asynccontextmanager
async def open_neighbours(settings: Settings) -> AsyncIterator[Mapping[str, OtherService]]:
    """Connections to each of them, closed at the end. None need be up."""
    token, seconds_max = settings.service_token.get_secret_value(), settings.answer_seconds_max
    async with AsyncExitStack() as stack:
        yield {
            name: await stack.enter_async_context(
                open_service(name, str(getattr(settings, f"{name.replace('-', '_')}_url")), token, seconds_max)
            )
            for name in NAMES
        }
