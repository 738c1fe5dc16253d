"""`python -m flyball.stack up|down|status`: the full local stack in the background."""

import asyncio
import shlex
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from flyball.stack import detached
from flyball.stack.directories import DEFAULT
from flyball.stack.errors import StackError
from flyball.stack.local import StackPorts

application = typer.Typer(
    help="Apache Kafka, Postgres and Redis on loopback, in the background, for tests and development.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
Directory = Annotated[Path, typer.Option(help="Where data, logs and the list of processes are.")]
KafkaPorts = Annotated[
    list[int] | None,
    typer.Option("--kafka-port", help="Client port of a node, once for each node; free ones if not given."),
]


@application.command()
def up(
    nodes: Annotated[int, typer.Option(min=1, max=3, help="Kafka nodes, each broker and controller.")] = 1,
    directory: Directory = DEFAULT,
    kafka_port: KafkaPorts = None,
    postgres_port: Annotated[int, typer.Option(help="0 chooses a free one.")] = 0,
    redis_port: Annotated[int, typer.Option(help="0 chooses a free one.")] = 0,
) -> None:
    """Start the servers, print the settings for services as export lines, leave them running."""
    ports = StackPorts(tuple(kafka_port or ()), postgres_port, redis_port)
    state = asyncio.run(detached.up(directory, nodes, ports))
    _print_exports(state)
    typer.echo(f"running; data and logs in {directory}; stop with `make stack-down`", err=True)


@application.command()
def down(directory: Directory = DEFAULT) -> None:
    """Stop the servers that `up` started; their data stay."""
    stopped = asyncio.run(detached.down(directory))
    typer.echo(f"stopped {', '.join(stopped)}" if stopped else f"nothing was running in {directory}", err=True)


@application.command()
def status(directory: Directory = DEFAULT) -> None:
    """Say which servers run, and print the settings again; exits with 1 unless all of them run."""
    state = detached.read_state(directory)
    if state is None:
        raise StackError(f"nothing was started in {directory}: `make stack` starts it")
    for server in state.servers:
        typer.echo(f"{server.name}: {'running' if server.running else 'ended'} (process {server.pid})", err=True)
    _print_exports(state)
    if not all(server.running for server in state.servers):
        raise typer.Exit(1)


def _print_exports(state: detached.State) -> None:
    for name, value in sorted(state.environment.items()):
        typer.echo(f"export {name}={shlex.quote(value)}")


def main() -> None:
    """Run the command; an error that we foresaw is one message on stderr and status 1."""
    # SIGTERM as Ctrl-C, so that an interrupted `up` ends the servers it has started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        application()
    except StackError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
