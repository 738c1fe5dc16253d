"""The entry point of a service's process: logs, signals, exit code."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping

from flyball.observe.logs import configure_logging
from flyball.observe.settings import SettingsError
from flyball.store.errors import Transient

Serve = Callable[[Mapping[str, str]], Awaitable[None]]


def run_service(name: str, serve: Serve) -> None:
    """Run until SIGTERM or SIGINT, then stop gracefully. A failure ends the process with exit code 1."""
    configure_logging(name, os.environ.get("FLYBALL_LOG_LEVEL", "INFO"))
    try:
        asyncio.run(_until_signalled(serve))
    except asyncio.CancelledError:
        return
    except SettingsError as error:
        sys.exit(
            f"{name} cannot start, its settings are incomplete:\n{error}\n"
            "Set them in the environment; the service's README lists them all."
        )
    except Transient as error:
        sys.exit(f"{name} stopped, its supervisor should start it again: {error}")


async def _until_signalled(serve: Serve) -> None:
    task = asyncio.ensure_future(serve(os.environ))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    await task
