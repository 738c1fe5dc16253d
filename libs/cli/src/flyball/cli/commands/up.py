"""`flyball up`: a local Flyball until Ctrl-C."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from flyball.cli.connection import Connection
from flyball.cli.errors import OK, CommandError
from flyball.cli.output import note


def up(
    context: typer.Context,
    kafka: Annotated[
        bool, typer.Option("--kafka/--embedded", help="Apache Kafka and a process per service, or all in this process.")
    ] = False,
    nodes: Annotated[int, typer.Option(min=1, max=3, help="Kafka nodes.")] = 1,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Of console, with --kafka; 0 chooses a free one.")] = 0,
    directory: Annotated[Path, typer.Option(help="For data and logs while it runs.")] = Path(".stack"),
) -> None:
    """Start broker, Postgres, Redis and all services; print address and token; stay until Ctrl-C."""
    import asyncio

    from flyball.stack import StackError

    connection: Connection = context.obj
    try:
        asyncio.run(_up(connection.token or None, directory, kafka=kafka, nodes=nodes, port=port))
    except asyncio.CancelledError:
        note("stopped")
        raise typer.Exit(OK) from None
    except (StackError, BaseExceptionGroup) as error:
        first = _first(error)
        if not isinstance(first, StackError):
            raise
        raise CommandError(str(first), "flyball doctor") from first


async def _up(token: str | None, directory: Path, *, kafka: bool, nodes: int, port: int) -> None:
    import asyncio

    from flyball.cli.local_stack import running
    from flyball.observe.logs import configure_logging

    configure_logging("flyball up", "WARNING")
    _cancel_on_signals()
    note("starting broker, Postgres, Redis and services ...")
    async with running(kafka=kafka, nodes=nodes, token=token, directory=directory, port=port) as stack:
        exports = {"FLYBALL_URL": stack.url, "FLYBALL_TOKEN": stack.token, **stack.environment}
        for name, value in exports.items():
            print(f"export {name}={shlex.quote(value)}", flush=True)
        note("running; paste the lines above into another terminal, then try: flyball doctor. Ctrl-C stops it.")
        await asyncio.Event().wait()


def _cancel_on_signals() -> None:
    """Ctrl-C and a supervisor's stop both end the servers in order, also while they start."""
    import asyncio
    import signal

    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - called from a coroutine
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)


def _first(error: BaseException) -> BaseException:
    """The first of those that failed together."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
